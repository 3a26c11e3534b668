/** Why an item is recommended: in words, as a drawn path, with its Cypher; without a reason, its place in the graph. */
import { getItem, getNeighbourhood } from './api.js';
import { h } from './dom.js';
import { graphFigure } from './graph-figure.js';
import { isNamed } from './graph-model.js';
import { proof } from './proof.js';
import { emptyState, fill } from './states.js';

const NEIGHBOURS = 60;
const MOST = 14;
const MOST_USERS = 4;

/** `ranked`: promise of the item's entry among the recommended ones, or of null. */
export function whySection(item, user, ranked) {
  const title = h('h3', {}, user ? 'Why this one' : 'In the graph');
  const region = h('div');
  fill(region, {
    bones: () => h('div', { class: 'bone graph__canvas' }),
    load: async () => (await reasonOf(item, ranked)) ?? placeOf(item),
    render: ({ heading, children }) => {
      title.textContent = heading;
      return children;
    },
    small: true,
  });
  return h('section', { class: 'panel__section' }, title, region);
}

async function reasonOf(item, ranked) {
  const reason = (await ranked)?.reason;
  if (!reason) return null;
  const figure = graphFigure(reason.path, { item: item.id, layout: 'path', images: await imagesOf(reason.path, item) });
  return { heading: 'Why this one', children: [h('p', { class: 'why' }, reason.text), figure, proof(reason)] };
}

/** Pictures of the items on a path: item id -> address. */
async function imagesOf({ nodes }, item) {
  const others = nodes.filter(({ id, label }) => label === 'Item' && id !== item.id);
  const items = [item, ...(await Promise.all(others.map(({ id }) => getItem(id))))];
  return new Map(items.filter(({ image }) => image).map(({ id, image }) => [id, image]));
}

async function placeOf(item) {
  const { nodes, relationships } = await getNeighbourhood('Item', item.id, NEIGHBOURS);
  const shown = choose(nodes.slice(1));
  const children =
    shown.length === 0
      ? [emptyState('Alone', 'Nothing in the graph is joined to this item.', true)]
      : [h('p', { class: 'soft' }, 'Some of what this item is joined to.'), around(item, nodes[0], shown, relationships)];
  return { heading: 'In the graph', children };
}

/** Named nodes where there are some, with only a few of the many users. */
function choose(nodes) {
  const named = nodes.filter(isNamed);
  const usable = named.length > 0 ? named : nodes;
  const users = usable.filter(({ label }) => label === 'User').slice(0, MOST_USERS);
  const others = usable.filter(({ label }) => label !== 'User').slice(0, MOST - users.length);
  return [...others, ...users];
}

function around(item, centre, shown, relationships) {
  const kept = new Set(shown.map(({ id }) => id));
  const joined = relationships.filter(({ source, target }) => kept.has(source === item.id ? target : source));
  return graphFigure({ nodes: [centre, ...shown], relationships: joined }, { item: item.id, layout: 'around' });
}
