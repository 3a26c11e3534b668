/** Users as pictures and lines. */
import { h } from './dom.js';
import { t } from './i18n.js';
import { count, facts, hue, nativeId, userName } from './format.js';
import { address } from './router.js';

export function avatar(user, small = false) {
  const name = userName(user);
  const label = name === t('user-id', { id: nativeId(user.id) }) ? nativeId(user.id).slice(0, 4) : initials(name);
  const look = small ? 'avatar avatar--small' : 'avatar';
  return h('span', { class: look, 'aria-hidden': 'true', vars: { '--hue': hue(user.id) } }, label);
}

const initials = (name) =>
  name
    .split(/\s+/)
    .slice(0, 2)
    .map((part) => [...part][0])
    .join('')
    .toUpperCase();

/** One line: how much they did, and the first of their properties. */
export function userLine(user) {
  const values = facts(user.properties, 3).map(([, value]) => value);
  return [count(user.interactions), ...values].join(' · ');
}

/** `href`: where it leads instead of to their home. */
export function userCard(user, href = address({ user: user.id })) {
  const name = h('span', { class: 'people__name' }, userName(user));
  const line = h('span', { class: 'people__facts' }, userLine(user));
  return h('li', {}, h('a', { class: 'people__link', href, 'data-user': user.id }, avatar(user), h('span', {}, name, h('br'), line)));
}
