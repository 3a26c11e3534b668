/** Why an item is recommended: in words, as a drawn path, with its Cypher; without a reason, its place in the graph. */
import { getItem, getNeighbourhood } from './api.js';
import { h } from './dom.js';
import { score } from './format.js';
import { graphFigure } from './graph-figure.js';
import { isNamed } from './graph-model.js';
import { t } from './i18n.js';
import { proof } from './proof.js';
import { reasonPath } from './reason-path.js';
import { emptyState, fill } from './states.js';
import { whatIfButton } from './what-if.js';

const NEIGHBOURS = 60;
const MOST = 14;
const MOST_USERS = 4;

/** `ranked`: promise of the item's entry among the recommended ones, or of null. */
export function whySection(item, user, ranked) {
  const title = h('h3', {}, user ? t('why-this-one') : t('in-the-graph'));
  const region = h('div');
  fill(region, {
    bones: () => h('div', { class: 'bone graph__canvas' }),
    load: async () => (await reasonOf(item, user, ranked)) ?? placeOf(item),
    render: ({ heading, children }) => {
      title.textContent = heading;
      return children;
    },
    small: true,
  });
  return h('section', { class: 'panel__section' }, title, region);
}

async function reasonOf(item, user, ranked) {
  const reason = (await ranked)?.reason;
  if (!reason) return null;
  const items = await itemsOf(reason.path, item);
  const images = new Map([...items].filter(([, { image }]) => image).map(([id, { image }]) => [id, image]));
  const figure = reasonPath(reason.path, items) ?? graphFigure(reason.path, { item: item.id, layout: 'path', images });
  return { heading: t('why-this-one'), children: [h('p', { class: 'why' }, reason.text), effect(reason), figure, whatIfButton(user, reason, items), proof(reason)] };
}

/** What the score loses without the liking that the reason names, beside what it loses without any other, where measured. */
function effect({ effect: measured }) {
  if (!measured || measured.drop <= 0) return null;
  const [drop, others] = [measured.drop, Math.max(0, measured.others)];
  const bar = h('span', { class: 'effect__bar', 'aria-hidden': 'true', vars: { '--part': drop / (drop + others) } });
  return h('p', { class: 'effect soft small' }, bar, t('without-it-the-score-falls-by', { drop: score(drop), others: score(others) }));
}

/** The items on a path: item id -> item. */
async function itemsOf({ nodes }, item) {
  const others = nodes.filter(({ id, label }) => label === 'Item' && id !== item.id);
  const items = [item, ...(await Promise.all(others.map(({ id }) => getItem(id))))];
  return new Map(items.map((one) => [one.id, one]));
}

async function placeOf(item) {
  const { nodes, relationships } = await getNeighbourhood('Item', item.id, NEIGHBOURS);
  const shown = choose(nodes.slice(1));
  const children =
    shown.length === 0
      ? [emptyState(t('alone'), t('nothing-in-the-graph-is-joined'), true)]
      : [h('p', { class: 'soft' }, t('some-of-what-this-item-is')), around(item, nodes[0], shown, relationships)];
  return { heading: t('in-the-graph'), children };
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
