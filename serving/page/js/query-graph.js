/** The drawing of an answer, with its legend. */
import { h } from './dom.js';
import { count, words } from './format.js';
import { labelColour } from './label-colours.js';

export function queryGraph(model) {
  const name = `Graph of ${count(model.nodes.length, 'node')} and ${count(model.edges.length, 'relationship')}`;
  const canvas = h('div', { class: 'graph__canvas graph__canvas--query', role: 'img', 'aria-label': name });
  draw();
  const labels = [...new Set(model.nodes.map((node) => node.label))];
  const entry = (label) => h('li', {}, h('span', { class: 'legend__dot', vars: { '--dot': labelColour(label) } }), words(label));
  const hint = h('li', { class: 'legend__hint' }, model.more > 0 ? `${name}; more are left out` : 'Drag to arrange, scroll to zoom');
  return h('figure', { class: 'graph' }, canvas, h('figcaption', {}, h('ul', { class: 'legend', 'aria-label': 'Legend' }, labels.map(entry), hint)));

  /** The library is loaded only when a graph is shown. */
  async function draw() {
    const { drawFreely } = await import('./graph-drawing.js');
    if (canvas.isConnected) drawFreely(canvas, model);
  }
}
