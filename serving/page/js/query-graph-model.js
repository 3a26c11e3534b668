/** The nodes and relationships that the rows of an answer hold, wherever they stand, ready to draw. */
import { titleOf } from './query-value.js';

const MOST = 120;

/** {nodes: [{key, id, label, title}], edges: [{source, target, type}], more}: `more` nodes are left out. */
export function graphOf(rows) {
  const nodes = new Map();
  const edges = new Map();
  let more = 0;
  for (const row of rows) for (const value of row) visit(value);
  return { nodes: [...nodes.values()], edges: [...edges.values()].filter(({ source, target }) => nodes.has(source) && nodes.has(target)), more };

  function visit(value) {
    if (value === null || typeof value !== 'object') return;
    if (value._type === 'node') addNode(value);
    else if (value._type === 'relationship') addEdge(value);
    else if (value._type === 'path') value.elements.forEach(visit);
    else Object.values(value).forEach(visit);
  }

  function addNode(value) {
    const key = keyOf(value);
    const known = nodes.get(key);
    if (known) known.title = value.properties ? titleOf(value) : known.title;
    else if (nodes.size < MOST) nodes.set(key, { key, id: value.id, label: value.labels[0] ?? '', title: titleOf(value) });
    else more += 1;
  }

  function addEdge({ type, start, end }) {
    const [source, target] = [keyOf(start), keyOf(end)];
    for (const one of [start, end]) if (!nodes.has(keyOf(one))) addNode(one);
    edges.set(`${source} ${type} ${target}`, { source, target, type });
  }
}

/** Nodes without an id are one a set of properties. */
const keyOf = ({ labels, id, properties }) => `${labels.join(':')} ${id ?? JSON.stringify(properties ?? {})}`;
