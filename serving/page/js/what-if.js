/** What would be recommended had one not liked what a reason names: the two lists beside each other. */
import { send } from './api.js';
import { WHAT_IF, can } from './capabilities.js';
import { openDialog } from './dialog.js';
import { h, uniqueId } from './dom.js';
import { number, t } from './i18n.js';
import { icon } from './icons.js';
import { poster } from './poster.js';
import { emptyState, fill, rowBones } from './states.js';

const COUNT = 10;

/** A button, once the server is known to have the route. `items`: those on the path, by id. */
export function whatIfButton(user, { path }, items) {
  const place = h('p', { class: 'what-if' });
  const liked = path.nodes.find(({ id, label }) => label === 'Item' && joined(path, user, id));
  if (user && liked) offer(place, user, items.get(liked.id));
  return place;
}

const joined = ({ relationships }, user, item) => relationships.some(({ source, target }) => source === user && target === item);

async function offer(place, user, item) {
  if (!(await can(...WHAT_IF))) return;
  place.append(h('button', { type: 'button', class: 'button', onclick: () => ask(user, item) }, icon('whatif'), t('what-if-i-had-not-liked', { title: item.title })));
}

function ask(user, item) {
  const region = h('div');
  openDialog(t('without-title', { title: item.title }), [h('p', { class: 'soft' }, t('nothing-of-this-is-stored-only')), region]);
  fill(region, { bones: () => h('ul', { class: 'what-if__lists' }, rowBones(4)), load: () => send('POST', ['explanations', 'what-if'], { user, without: [item.id], n: COUNT }), render: show, small: true });
}

function show({ before, after, entered, left, moved }) {
  if (entered.length + left.length + moved.length === 0) return emptyState(t('nothing-changes'), t('the-first-n-stay-as-they', { n: after.length }), true);
  const marks = new Map([...entered.map(({ item }) => [item.id, t('new')]), ...moved.map(({ item, before: was, after: is }) => [item.id, was > is ? `↑ ${number(was - is)}` : `↓ ${number(is - was)}`])]);
  const gone = new Map(left.map(({ item }) => [item.id, t('gone')]));
  return h('div', { class: 'what-if__lists' }, column(t('now'), before, gone), column(t('without-it'), after, marks));
}

function column(name, entries, marks) {
  const row = ({ rank, item }) =>
    h('li', { class: marks.has(item.id) ? 'what-if__row what-if__row--changed' : 'what-if__row' }, h('span', { class: 'what-if__rank' }, number(rank)), poster(item), h('span', {}, item.title), marks.has(item.id) && h('span', { class: 'chip' }, marks.get(item.id)));
  const id = uniqueId('what-if');
  return h('section', { 'aria-labelledby': id }, h('h3', { id }, name), h('ol', { class: 'what-if__list' }, entries.map(row)));
}
