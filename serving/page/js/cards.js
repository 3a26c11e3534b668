/** An item in a list: poster, title, year, attributes, and what the list adds (rank, reason, rating, similarity). */
import { cardBasketButton } from './basket-button.js';
import { h } from './dom.js';
import { words } from './format.js';
import { known, t } from './i18n.js';
import { poster } from './poster.js';
import { itemAddress } from './router.js';

const MOST_CHIPS = 2;

/** `user`: whose eyes the item is opened with, or null: then it can go into the basket. `href`: where it leads instead. `extra`: elements below the title. */
export function card(item, { user = null, rank = null, meta = null, chips = true, extra = [], eager = false, href = null } = {}) {
  const year = item.year === null ? null : h('span', {}, String(item.year));
  return h(
    'li',
    { class: 'card' },
    rank && h('span', { class: 'card__rank', 'aria-hidden': 'true' }, String(rank)),
    poster(item, { eager }),
    !user && !href && cardBasketButton(item),
    h('h3', { class: 'card__title' }, h('a', { href: href ?? itemAddress({ user, item: item.id }), 'data-item': item.id }, item.title)),
    (year || meta) && h('p', { class: 'card__meta' }, year, meta),
    chips && attributeChips(item.attributes),
    extra,
  );
}

function attributeChips(attributes) {
  const values = Object.entries(attributes).flatMap(([label, names]) => names.map((name) => [label, name]));
  if (values.length === 0) return null;
  const chip = ([label, name]) => h('li', { class: 'chip', title: known(label, words(label)) }, name);
  return h('ul', { class: 'chips', 'aria-label': t('attributes') }, values.slice(0, MOST_CHIPS).map(chip));
}
