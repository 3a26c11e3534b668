/** Why an item is recommended: in words, as a drawn path, with its Cypher; without a reason, its place in the graph. */
import { getNeighbourhood } from './api.js';
import { h } from './dom.js';
import { graphFigure } from './graph-figure.js';
import { proof } from './proof.js';
import { emptyState, fill } from './states.js';

const NEIGHBOURS = 18;

export function whySection(item, user, ranked) {
  const title = h('h3', {}, user ? 'Why this one' : 'In the graph');
  const region = h('div');
  fill(region, {
    bones: () => h('div', { class: 'bone graph__canvas' }),
    load: () => reasonOrPlace(item, ranked),
    render: ({ reason, place }) => {
      title.textContent = reason ? 'Why this one' : 'In the graph';
      return reason ? because(reason, item) : inGraph(place, item);
    },
    small: true,
  });
  return h('section', { class: 'panel__section' }, title, region);
}

async function reasonOrPlace(item, ranked) {
  const reason = (await ranked)?.reason ?? null;
  return { reason, place: reason ? null : await getNeighbourhood('Item', item.id, NEIGHBOURS) };
}

function because(reason, item) {
  const figure = graphFigure(reason.path, { target: item.id, layout: 'path' });
  return [h('p', { class: 'why' }, reason.text), figure, proof(reason)];
}

function inGraph(place, item) {
  if (place.relationships.length === 0) return emptyState('Alone', 'Nothing in the graph is joined to this item.', true);
  return [
    h('p', { class: 'soft' }, 'Some of what this item is joined to.'),
    graphFigure(place, { target: item.id, layout: 'around' }),
  ];
}
