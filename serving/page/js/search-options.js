/** What the search offers, as options in two groups. */
import { h, uniqueId } from './dom.js';
import { t } from './i18n.js';
import { userName } from './format.js';
import { avatar, userLine } from './people.js';
import { poster } from './poster.js';

/** Groups that have something. An item opens as `viewer` sees it. */
export function groupsOf(users, items, viewer) {
  const itemOptions = items.map((item) => itemOption(item, viewer));
  return [group(t('users'), users.map(userOption)), group(t('items'), itemOptions)].filter(Boolean);
}

/** Options under a heading; null where there are none. */
export function group(name, options) {
  if (options.length === 0) return null;
  const id = uniqueId('group');
  return h('div', { role: 'group', 'aria-labelledby': id }, h('div', { class: 'search__group', id }, name), options);
}

export function option(picture, name, note, data) {
  return h('div', { class: 'option', role: 'option', id: uniqueId('option'), 'aria-selected': 'false', ...data },
    picture, h('span', { class: 'option__name' }, name), h('span', { class: 'soft small' }, note));
}

export const userOption = (user) => option(avatar(user, true), userName(user), userLine(user), { 'data-user': user.id });

export const itemOption = (item, viewer = null) =>
  option(poster(item), item.title, item.year ?? '', { 'data-item': item.id, 'data-user': viewer });
