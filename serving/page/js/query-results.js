/** An answer: as a table, as a drawing where it holds nodes, and to take away. */
import { asProblem, downloadCypher } from './api.js';
import { h } from './dom.js';
import { number, t } from './i18n.js';
import { queryGraph } from './query-graph.js';
import { graphOf } from './query-graph-model.js';
import { cell, isNumber } from './query-value.js';
import { emptyState, errorState } from './states.js';
import { tabs } from './tabs.js';

const SHOWN = 500;
const FORMATS = [
  ['CSV', 'text/csv', 'answer.csv'],
  ['JSON', 'application/json', 'answer.json'],
];

export function results(body, answer) {
  const graph = graphOf(answer.rows);
  const entries = [{ name: t('table'), show: (region) => region.append(table(answer)) }];
  if (graph.nodes.length > 0) entries.push({ name: t('graph'), show: (region) => region.append(queryGraph(graph)) });
  const drawn = graph.edges.length > 0 && answer.types.every((type) => /^(Path|Node|Relationship)$/.test(type));
  if (drawn) entries.reverse();
  const [list, panels] = tabs(entries, null);
  list.setAttribute('aria-label', t('answer'));
  const note = h('div', { class: 'query__note' });
  return h('div', { class: 'query__results' }, h('div', { class: 'query__head' }, list, downloads(body, note)), note, panels);
}

function table({ columns, types, rows, truncated }) {
  if (rows.length === 0) return emptyState(t('no-rows'), t('the-query-ran-and-found-nothing'));
  const head = columns.map((name, place) => h('th', { scope: 'col' }, h('span', {}, name), h('span', { class: 'table__type' }, types[place])));
  const numeric = types.map(isNumber);
  const line = (row, place) =>
    h('tr', {}, h('td', { class: 'table__number' }, number(place + 1)), row.map((value, column) => h('td', { class: numeric[column] ? 'table__figure' : null }, cell(value))));
  const grid = h('table', { class: 'table' }, h('thead', {}, h('tr', {}, h('th', { class: 'table__number' }, h('span', { class: 'visually-hidden' }, t('row'))), head)));
  const body = h('tbody', {}, rows.slice(0, SHOWN).map(line));
  grid.append(body);
  return h('div', {}, h('div', { class: 'table__frame', tabindex: 0, role: 'region', 'aria-label': t('rows') }, grid), remark(rows.length, truncated));
}

function remark(count, truncated) {
  const shown = count > SHOWN && t('the-first-shown-of-count-rows', { shown: SHOWN, count });
  const cut = truncated && t('there-are-more-rows-than-the');
  return (shown || cut) && h('p', { class: 'soft small table__remark' }, [shown, cut].filter(Boolean).join(' '));
}

function downloads(body, note) {
  const button = ([name, accept, file]) => h('button', { type: 'button', class: 'tool query__download', 'aria-label': t('download-name', { name }), onclick: () => save(accept, file) }, `↓ ${name}`);
  return h('div', { class: 'query__downloads' }, FORMATS.map(button));

  async function save(accept, file) {
    try {
      const address = URL.createObjectURL(await downloadCypher(body, accept));
      h('a', { href: address, download: file }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
      note.replaceChildren();
    } catch (error) {
      note.replaceChildren(errorState(asProblem(error), null, true));
    }
  }
}
