/** Items like this one, in a tab for each way of being alike. */
import { Problem, getSimilar } from './api.js';
import { card } from './cards.js';
import { h, uniqueId } from './dom.js';
import { score } from './format.js';
import { cardBones, emptyState, fill } from './states.js';
import { tabs } from './tabs.js';

const COUNT = 12;
const NOT_SUPPORTED = 501;
const WAYS = [
  { modality: 'text', name: 'By text', about: 'Their words are near in meaning.' },
  { modality: 'image', name: 'By image', about: 'Their pictures look alike.' },
  { modality: 'graph', name: 'By graph', about: 'They share attributes in the graph.' },
  { modality: 'crowd', name: 'By crowd', about: 'The same people like them.' },
];

export function similarSection(item, user) {
  const title = h('h3', { id: uniqueId('similar') }, 'Similar items');
  const ways = WAYS.map((way) => ({ name: way.name, show: (region) => showWay(region, way, item, user) }));
  return h('section', { class: 'panel__section' }, title, tabs(ways, title.id));
}

function showWay(region, { modality, name, about }, item, user) {
  return fill(region, {
    bones: () => h('ul', { class: 'shelf' }, cardBones(6)),
    load: () => getSimilar(item.id, modality, COUNT).catch(whenNotPublished),
    render: (found) => {
      if (found instanceof Problem) return emptyState('Not published', `The index has ${found.valid}. For more: interlace encode, then interlace train.`, true);
      if (found.length === 0) return emptyState('Nothing similar', `${item.title} has no neighbours of this kind.`, true);
      const shelf = h('ul', { class: 'shelf', tabindex: 0, 'aria-label': `Similar ${name.toLowerCase()}` }, found.map((entry) => near(entry, user)));
      return [h('p', { class: 'soft' }, about), shelf];
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
  const meta = h('span', { class: 'similarity', title: 'similarity' }, score(likeness.toFixed(2)));
  return card(item, { user, meta, chips: false });
}
