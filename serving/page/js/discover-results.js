/** Found items, nearest first, and what stands there before anything was asked. */
import { card } from './cards.js';
import { asFilter } from './discover-filters.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { score } from './format.js';
import { recommendToNewcomer } from './live-api.js';
import { viewAddress } from './router.js';
import { section } from './section.js';
import { cardBones, emptyState, fill } from './states.js';

const FEW = 8;
const STARTS = 16;

export function found(items, more) {
  if (items.length === 0) return emptyState(t('nothing-fits'), t('no-item-is-as-the-filters'));
  const grid = h('ul', { class: 'grid', 'aria-label': t('found-items') }, items.map(near));
  return [grid, more && h('div', { class: 'more' }, h('button', { type: 'button', class: 'button', onclick: more }, t('show-more')))];
}

function near({ rank, score: likeness, item }) {
  const value = score(likeness.toFixed(2));
  const meta = h('span', { class: 'similarity similarity--end', title: t('similarity-the-cosine-of-the-vectors') }, h('span', { class: 'visually-hidden' }, t('similarity'), ' '), value);
  return card(item, { meta, eager: rank <= FEW });
}

export const resultBones = () => h('ul', { class: 'grid' }, cardBones(FEW));

/** What is popular among the items that fit, to start from: each leads to what is like it. */
export function starts() {
  const region = h('div');
  let shown = null;
  return { element: section(t('or-more-like-one-of-these'), region), show };

  function show(filters) {
    const now = JSON.stringify(filters);
    if (now === shown) return;
    shown = now;
    fill(region, { bones: startBones, load: () => recommendToNewcomer({ n: STARTS, filter: asFilter(filters) }), render: ({ items }) => popular(items, filters), small: true });
  }
}

const startBones = () => h('ul', { class: 'grid grid--small' }, cardBones(STARTS));

function popular(items, filters) {
  if (items.length === 0) return emptyState(t('nothing-fits'), t('no-item-is-as-the-filters-2'), true);
  return h('ul', { class: 'grid grid--small', 'aria-label': t('items-to-start-from') }, items.map(({ item }) => start(item, filters)));
}

const start = (item, filters) => card(item, { chips: false, href: viewAddress('discover', { like: item.id, ...filters }) });
