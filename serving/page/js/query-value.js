/** One value of an answer as people read it. */
import { h } from './dom.js';
import { labelColour } from './label-colours.js';

const NUMBERS = new Set(['Integer', 'Float', 'Number']);
const TITLES = ['title', 'name', 'label'];
const LONG = 280;

export const isNumber = (type) => NUMBERS.has(type);

/** A node as people name it. */
export function titleOf({ properties, id, labels }) {
  const name = TITLES.find((key) => typeof properties?.[key] === 'string' && properties[key] !== '');
  return name ? properties[name] : String(id ?? labels?.[0] ?? 'node').replace(/^\w+:(?=.)/, '');
}

export function cell(value) {
  if (value === null) return h('span', { class: 'value value--null' }, 'null');
  if (typeof value === 'string') return long(value);
  if (typeof value !== 'object') return String(value);
  if (value._type === 'node') return node(value);
  if (value._type === 'relationship') return relationship(value);
  if (value._type === 'path') return h('span', { class: 'value value--path' }, value.elements.map(step));
  return h('code', { class: 'value value--json' }, long(plain(value)));
}

function step(element) {
  return element._type === 'node' ? node(element) : h('span', { class: 'value value--type' }, `—${element.type}—`);
}

function node(value) {
  const dot = h('span', { class: 'legend__dot', 'aria-hidden': 'true', vars: { '--dot': labelColour(value.labels[0] ?? '') } });
  return detail(value, [dot, h('span', { class: 'value__label' }, value.labels.join(':')), ' ', titleOf(value)]);
}

function relationship(value) {
  const end = ({ labels, id }) => `${labels[0] ?? ''} ${id ?? ''}`.trim();
  return detail(value, [`${end(value.start)} `, h('span', { class: 'value__label' }, value.type), ` ${end(value.end)}`]);
}

/** A chip that opens to all properties. */
function detail(value, summary) {
  return h('details', { class: 'value value--graph' }, h('summary', {}, summary), h('pre', {}, JSON.stringify(value.properties, null, 2)));
}

const plain = (value) => JSON.stringify(value, (key, part) => (part && part._type === 'node' ? `(${part.labels.join(':')} ${titleOf(part)})` : part), 1)?.replace(/\s*\n\s*/g, ' ');

function long(text) {
  if (text.length <= LONG) return text;
  return h('details', { class: 'value value--long' }, h('summary', {}, `${text.slice(0, LONG)}…`), h('span', {}, text));
}
