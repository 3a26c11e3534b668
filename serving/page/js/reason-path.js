/** The path of a reason as chips joined by arrows that flow from the user to the item; the words are the text alternative. */
import { h, s } from './dom.js';
import { words } from './format.js';
import { graphModel } from './graph-model.js';
import { known, t } from './i18n.js';
import { icon } from './icons.js';
import { labelColour } from './label-colours.js';
import { poster } from './poster.js';
import { address, itemAddress } from './router.js';

/** A figure, or null where the path is no chain from one end to the other. `items`: item id -> item, for pictures. */
export function reasonPath(graph, items) {
  const chain = chainOf(graphModel(graph));
  if (!chain) return null;
  const steps = chain.flatMap(({ node, edge }) => [edge && arrow(edge), chip(node, items)]).filter(Boolean);
  return h('figure', { class: 'path' }, h('ol', { class: 'path__steps', 'aria-label': t('the-path-in-the-graph') }, steps));
}

/** [{node, edge}] from the first node on, `edge`: what joins it with the one before, {type, back}. */
function chainOf({ nodes, edges }) {
  if (nodes.length < 2 || edges.length !== nodes.length - 1) return null;
  const left = new Set(edges);
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const chain = [{ node: nodes[0], edge: null }];
  while (left.size > 0) {
    const { key } = chain.at(-1).node;
    const edge = [...left].find(({ source, target }) => source === key || target === key);
    if (!edge) return null;
    left.delete(edge);
    const back = edge.target === key;
    chain.push({ node: byKey.get(back ? edge.source : edge.target), edge: { type: edge.type, back } });
  }
  return chain;
}

function chip({ id, label, title }, items) {
  const item = label === 'Item' ? items.get(id) : null;
  const href = label === 'User' ? address({ user: id }) : label === 'Item' ? itemAddress({ item: id }) : null;
  const picture = item ? poster(item) : h('span', { class: 'path__dot', 'aria-hidden': 'true' }, label === 'User' && icon('person'));
  const text = h('span', { class: 'path__words' }, h('b', {}, title), h('span', { class: 'path__label' }, known(label, words(label))));
  const look = { class: 'path__chip', vars: { '--dot': labelColour(label) } };
  return h('li', { class: 'path__node' }, href ? h('a', { ...look, href }, picture, text) : h('span', { ...look, tabindex: 0 }, picture, text));
}

function arrow({ type, back }) {
  const line = (along) => s('svg', { class: `path__line path__line--${along}`, 'aria-hidden': 'true' }, s('line', along === 'across' ? { x1: 0, y1: '50%', x2: '100%', y2: '50%' } : { x1: '50%', y1: 0, x2: '50%', y2: '100%' }));
  const name = h('span', { class: 'path__type' }, known(type, words(type).toLowerCase()));
  return h('li', { class: back ? 'path__edge path__edge--back' : 'path__edge' }, name, line('across'), line('down'), icon('right', 'path__head'));
}
