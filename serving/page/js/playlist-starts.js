/** What a list starts from, as the API takes it: items, attributes, an artist, whose taste. Chips, and a field that adds one. */
import { findItems, findUsers, getItem, getUser } from './api.js';
import { catalogue } from './catalogue.js';
import { combobox } from './combobox.js';
import { h } from './dom.js';
import { known, t } from './i18n.js';
import { nativeId, userName, words } from './format.js';
import { icon } from './icons.js';
import { avatar } from './people.js';
import { group, itemOption, option, userOption } from './search-options.js';

/** Labels that tell who made an item, as the API reads them (`serving.playlists.tracks`). */
export const ARTISTS = ['Artist', 'Performer', 'Band', 'Channel', 'Creator', 'Director', 'Author'];
const EACH = 4;
const titles = new Map();

/** `onchange(seeds)`: called with what is to be started from now. `people`: only users can be chosen. */
export function playlistStarts(onchange, { people = false } = {}) {
  const chips = h('ul', { class: 'chosen', 'aria-label': t('starts-from'), hidden: true });
  const name = people ? t('choose-a-user') : t('an-item-a-name-a-mood');
  const box = combobox({ name, offers: t('to-start-from'), find: people ? findPeople : find, take });
  let seeds = {};
  return { element: h('div', { class: 'starts' }, box.element), chips, show };

  function show(wished) {
    seeds = wished;
    const all = parts(seeds).filter(({ kind }) => !people || kind === 'user');
    chips.hidden = all.length === 0;
    chips.replaceChildren(...all.map(chip));
  }

  function chip({ kind, text, named, without }) {
    const name = h('span', {}, text);
    const remove = h('button', { type: 'button', class: 'chosen__remove', 'aria-label': t('not-title', { title: text }), onclick: () => (onchange(without()), box.input.focus()) }, icon('close'));
    named?.then((told) => (name.textContent = told, remove.setAttribute('aria-label', t('not-title', { title: told }))), () => {});
    return h('li', { class: 'chosen__item' }, h('span', { class: 'soft' }, KINDS[kind] ? KINDS[kind]() : known(kind, words(kind))), name, remove);
  }

  function take({ dataset }) {
    const { item, user, label, value } = dataset;
    if (item) onchange({ ...seeds, items: [...(seeds.items ?? []).filter((one) => one !== item), item] });
    else if (user) onchange({ ...seeds, user });
    else if (ARTISTS.includes(label)) onchange({ ...seeds, artist: value });
    else onchange({ ...seeds, attributes: { ...seeds.attributes, [label]: value } });
  }
}

const KINDS = { item: () => t('from'), artist: () => t('around'), user: () => t('for') };

/** [{kind, text, named, without}]: one for each thing that is started from; `named` resolves to better words for it. */
function parts({ items = [], attributes = {}, artist, user, ...rest }) {
  const all = { items, attributes, artist, user, ...rest };
  return [
    ...items.map((id) => ({ kind: 'item', text: titles.get(id) ?? nativeId(id), named: titled(id), without: () => pruned({ ...all, items: items.filter((one) => one !== id) }) })),
    ...Object.entries(attributes).map(([label, value]) => ({ kind: label, text: value, without: () => pruned({ ...all, attributes: Object.fromEntries(Object.entries(attributes).filter(([other]) => other !== label)) }) })),
    artist && { kind: 'artist', text: artist, without: () => pruned({ ...all, artist: undefined }) },
    user && { kind: 'user', text: nativeId(user), named: getUser(user, 1).then(userName), without: () => pruned({ ...all, user: undefined }) },
  ].filter(Boolean);
}

async function titled(id) {
  if (!titles.has(id)) titles.set(id, (await getItem(id)).title);
  return titles.get(id);
}

/** Without what says nothing, or is no text. */
export function pruned({ items = [], attributes = {}, artist, user }) {
  const ids = Array.isArray(items) ? items.filter(isText) : [];
  const named = Object.entries(attributes ?? {}).filter(([, value]) => isText(value));
  return { ...(ids.length > 0 && { items: ids }), ...(named.length > 0 && { attributes: Object.fromEntries(named) }), ...(isText(artist) && { artist }), ...(isText(user) && { user }) };
}

const isText = (value) => typeof value === 'string' && value !== '';

async function find(typed, signal) {
  const [items, users, { labels }] = await Promise.all([findItems(typed, EACH, signal), findUsers(typed, EACH, signal), catalogue()]);
  for (const { id, title } of items) titles.set(id, title);
  const fits = (value) => value.toLowerCase().includes(typed.toLowerCase());
  const named = labels.map(([label, values]) => group(known(label, words(label)), values.filter(fits).slice(0, EACH).map((value) => attributeOption(label, value))));
  return [group(t('items'), items.map((item) => itemOption(item))), ...named, group(t('users'), users.map(userOption))].filter(Boolean);
}

async function findPeople(typed, signal) {
  return [group(t('users'), (await findUsers(typed, 2 * EACH, signal)).map(userOption))].filter(Boolean);
}

const attributeOption = (label, value) => option(avatar({ id: value, properties: { name: value } }, true), value, '', { 'data-label': label, 'data-value': value });
