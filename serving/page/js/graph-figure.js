/** A figure with a drawn graph: the drawing, its legend, and the same in words for those who cannot see it. */
import { h } from './dom.js';
import { known, t } from './i18n.js';
import { words } from './format.js';
import { graphModel } from './graph-model.js';
import { labelColour } from './label-colours.js';

/** `layout`: 'path' (in order, the item last) or 'around' (the item in the middle). `images`: item id -> address. */
export function graphFigure(graph, { item, layout, images = new Map() }) {
  const model = graphModel(graph);
  const tall = layout === 'around' ? ' graph__canvas--tall' : '';
  const canvas = h('div', { class: `graph__canvas${tall}`, role: 'img', 'aria-label': inWords(model) });
  const pictures = new Map([...images].map(([id, address]) => [itemKey(id), address]));
  draw(canvas, model, { target: itemKey(item), layout, pictures });
  return h('figure', { class: 'graph' }, canvas, h('figcaption', {}, legend(model)));
}

const itemKey = (id) => `Item ${id}`;

/** The library is loaded only when a graph is shown. */
async function draw(canvas, model, options) {
  const { drawGraph } = await import('./graph-drawing.js');
  if (canvas.isConnected) drawGraph(canvas, model, options);
}

function legend({ nodes }) {
  const labels = [...new Set(nodes.map((node) => node.label))];
  const entry = (label) => h('li', {}, h('span', { class: 'legend__dot', vars: { '--dot': labelColour(label) } }), known(label, words(label)));
  return h('ul', { class: 'legend', 'aria-label': t('legend') }, labels.map(entry));
}

function inWords({ nodes, edges }) {
  const titles = new Map(nodes.map(({ key, title }) => [key, title]));
  const one = ({ source, target, type }) => `${titles.get(source)} ${known(type, words(type).toLowerCase())} ${titles.get(target)}`;
  return t('graph-edges', { edges: edges.map(one).join('; ') });
}
