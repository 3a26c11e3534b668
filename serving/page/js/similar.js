/** Items like this one: by a mix that one sets, and in a tab for each single way of being alike. */
import { Problem, getSimilar } from './api.js';
import { card } from './cards.js';
import { h, uniqueId } from './dom.js';
import { score } from './format.js';
import { t } from './i18n.js';
import { shelf } from './shelf.js';
import { showMix } from './similar-mix.js';
import { cardBones, emptyState, fill } from './states.js';
import { tabs } from './tabs.js';

const COUNT = 12;
const NOT_SUPPORTED = 501;
const WAYS = [
  { modality: 'text', name: () => t('by-text'), list: () => t('similar-by-text'), about: () => t('their-words-are-near-in-meaning') },
  { modality: 'image', name: () => t('by-image'), list: () => t('similar-by-image'), about: () => t('their-pictures-look-alike') },
  { modality: 'graph', name: () => t('by-graph'), list: () => t('similar-by-graph'), about: () => t('they-share-attributes-in-the-graph') },
  { modality: 'crowd', name: () => t('by-crowd'), list: () => t('similar-by-crowd'), about: () => t('the-same-people-like-them') },
];

export function similarSection(item, user) {
  const title = h('h3', { id: uniqueId('similar') }, t('similar-items'));
  const mix = { name: t('mix'), show: (region) => showMix(region, item, user) };
  const ways = WAYS.map((way) => ({ name: way.name(), show: (region) => showWay(region, way, item, user) }));
  return h('section', { class: 'panel__section' }, title, tabs([mix, ...ways], title.id));
}

function showWay(region, { modality, list, about }, item, user) {
  return fill(region, {
    bones: () => h('ul', { class: 'shelf' }, cardBones(6)),
    load: () => getSimilar(item.id, modality, COUNT).catch(whenNotPublished),
    render: (found) => {
      if (found instanceof Problem) return emptyState(t('not-published'), t('the-index-has-ways-for-more', { ways: found.valid }), true);
      if (found.length === 0) return emptyState(t('nothing-similar'), t('title-has-no-neighbours-of-this', { title: item.title }), true);
      return [h('p', { class: 'soft' }, about()), shelf(list(), found.map((entry) => near(entry, user)))];
    },
    small: true,
  });
}

/** A way of being alike that the published index lacks (no pictures encoded, say) is no failure. */
function whenNotPublished(error) {
  if (error instanceof Problem && error.status === NOT_SUPPORTED) return error;
  throw error;
}

function near({ item, score: likeness }, user) {
  const meta = h('span', { class: 'similarity', title: t('similarity') }, score(likeness.toFixed(2)));
  return card(item, { user, meta, chips: false });
}
