/** What belongs to an item: taken together, instead of it, beside it; a shelf for each that has something. */
import { getRelated } from './api.js';
import { RELATED, can } from './capabilities.js';
import { card } from './cards.js';
import { h, uniqueId } from './dom.js';
import { score } from './format.js';
import { t } from './i18n.js';
import { shelf } from './shelf.js';
import { fill } from './states.js';

const COUNT = 8;
const TOGETHER = { relation: 'together', name: () => t('taken-together') };
/** An item of no category has none of these. */
const BY_CATEGORY = [
  { relation: 'alternatives', name: () => t('alternatives') },
  { relation: 'complements', name: () => t('goes-with-it') },
];

export function relatedSections(item, user) {
  const region = h('div');
  const relations = [TOGETHER, ...(Object.keys(item.attributes).length > 0 ? BY_CATEGORY : [])];
  fill(region, {
    bones: () => [],
    load: async () => ((await can(...RELATED)) ? Promise.all(relations.map(({ relation }) => getRelated(item.id, relation, COUNT))) : []),
    render: (lists) => lists.map((found, place) => found.length > 0 && section(relations[place].name(), found, user)),
    small: true,
  });
  return region;
}

function section(name, found, user) {
  const title = h('h3', { id: uniqueId('related') }, name);
  return h('section', { class: 'panel__section', 'aria-labelledby': title.id }, title, shelf(name, found.map((entry) => one(entry, user))));
}

/** Beside the title how many people, or how alike; the whole reason where the pointer rests, and for screen readers. */
function one({ item, reason }, user) {
  const fact = reason.people === null ? score(reason.likeness.toFixed(2)) : t('n-people-or-more', { n: reason.people });
  const meta = h('span', { class: 'similarity', title: reason.text }, h('span', { 'aria-hidden': 'true' }, fact), h('span', { class: 'visually-hidden' }, reason.text));
  return card(item, { user, meta, chips: false });
}
