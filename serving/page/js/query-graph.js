/** The drawing of an answer, with its legend. */
import { h } from './dom.js';
import { known, t } from './i18n.js';
import { words } from './format.js';
import { labelColour } from './label-colours.js';

export function queryGraph(model) {
  const name = t('graph-of-nodes-and-relationships', { nodes: t('n-node', { n: model.nodes.length }), relationships: t('n-relationship', { n: model.edges.length }) });
  const canvas = h('div', { class: 'graph__canvas graph__canvas--query', role: 'img', 'aria-label': name });
  draw();
  const labels = [...new Set(model.nodes.map((node) => node.label))];
  const entry = (label) => h('li', {}, h('span', { class: 'legend__dot', vars: { '--dot': labelColour(label) } }), known(label, words(label)));
  const hint = h('li', { class: 'legend__hint' }, model.more > 0 ? t('name-more-are-left-out', { name }) : t('drag-to-arrange-scroll-to-zoom'));
  return h('figure', { class: 'graph' }, canvas, h('figcaption', {}, h('ul', { class: 'legend', 'aria-label': t('legend') }, labels.map(entry), hint)));

  /** The library is loaded only when a graph is shown. */
  async function draw() {
    const { drawFreely } = await import('./graph-drawing.js');
    if (canvas.isConnected) drawFreely(canvas, model);
  }
}
