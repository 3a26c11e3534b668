/** Entries in the order to be played: what each is, why it is there, and what joins it with the one before. */
import { h } from './dom.js';
import { known, number, t } from './i18n.js';
import { words } from './format.js';
import { poster } from './poster.js';
import { itemAddress } from './router.js';

/** `[<li>, …]`; `mark(entry)`: an element beside the title, or null. */
export function tracks(entries, { mark = () => null, numbered = true } = {}) {
  return entries.map((entry) => track(entry, mark(entry), numbered));
}

function track({ rank, item, minutes, why, follows }, mark, numbered) {
  const meta = [item.year, minutes && t('n-min', { n: Math.round(minutes) })].filter(Boolean);
  return h(
    'li',
    { class: 'track', 'data-item': item.id },
    follows && h('p', { class: 'track__joint', title: follows.text }, joint(follows)),
    h(
      'div',
      { class: 'track__row' },
      numbered && h('span', { class: 'track__rank', 'aria-hidden': 'true' }, number(rank)),
      poster(item),
      h(
        'div',
        { class: 'track__words' },
        h('h3', { class: 'track__title' }, h('a', { href: itemAddress({ item: item.id }), 'data-item': item.id }, item.title), mark),
        h('p', { class: 'track__why soft small' }, [...meta, why[0]?.text].filter(Boolean).join(' · ')),
      ),
    ),
  );
}

/** What two neighbours share; the one before stands above it and needs no name. */
function joint({ kind, label, name }) {
  const said = { next: () => t('often-played-in-this-order'), together: () => t('liked-by-the-same-people') };
  return h('span', {}, said[kind]?.() ?? t('both-label-name', { label: known(label, words(label)), name }));
}

export const trackBones = (count) => h('div', { class: 'tracks' }, Array.from({ length: count }, () => h('div', { class: 'bone bone--row' })));
