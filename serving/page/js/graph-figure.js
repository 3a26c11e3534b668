/** A figure with a drawn graph: the drawing, its legend, and the same in words for those who cannot see it. */
import { h } from './dom.js';
import { words } from './format.js';
import { labelColour } from './label-colours.js';

/** `graph`: {nodes, relationships}; `layout`: 'path' (from left to right) or 'around' (the target in the middle). */
export function graphFigure(graph, { target, layout }) {
  const tall = layout === 'around' ? ' graph__canvas--tall' : '';
  const canvas = h('div', { class: `graph__canvas${tall}`, role: 'img', 'aria-label': inWords(graph) });
  draw(canvas, graph, target, layout);
  return h('figure', { class: 'graph' }, canvas, h('figcaption', {}, legend(graph)));
}

/** The library is loaded only when a graph is shown. */
async function draw(canvas, graph, target, layout) {
  const { drawGraph } = await import('./graph-drawing.js');
  if (canvas.isConnected) drawGraph(canvas, graph, { target, layout });
}

function legend({ nodes }) {
  const labels = [...new Set(nodes.map((node) => node.label))];
  const entry = (label) => h('li', {}, h('span', { class: 'legend__dot', vars: { '--dot': labelColour(label) } }), words(label));
  return h('ul', { class: 'legend', 'aria-label': 'Legend' }, labels.map(entry));
}

function inWords({ nodes, relationships }) {
  const titles = new Map(nodes.map((node) => [node.id, node.title]));
  const one = ({ source, target, type }) => `${titles.get(source)} ${words(type).toLowerCase()} ${titles.get(target)}`;
  return `Graph: ${relationships.map(one).join('; ')}`;
}
