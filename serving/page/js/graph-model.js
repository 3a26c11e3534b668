/** A graph of the API, made ready to draw: ends of relationships found, titles as people read them. */
import { nativeId } from './format.js';
import { t } from './i18n.js';

/** {nodes: [{key, id, label, title}], edges: [{source, target, type}]}, ends by key: an id is unique within a label. */
export function graphModel({ nodes, relationships }) {
  const shown = nodes.map(({ id, label, title }) => ({ key: key(label, id), id, label, title: readable({ id, label, title }) }));
  const known = new Set(shown.map((node) => node.key));
  const edges = relationships.map((one) => ({
    source: key(one.source_label, one.source),
    target: key(one.target_label, one.target),
    type: one.type,
  }));
  return { nodes: shown, edges: edges.filter(({ source, target }) => known.has(source) && known.has(target)) };
}

const key = (label, id) => `${label} ${id}`;

function readable({ id, label, title }) {
  if (title !== id) return title;
  return label === 'User' ? t('user-id', { id: nativeId(id) }) : nativeId(id);
}

/** Whether a node has a name: an entity of a knowledge graph is often known by a code alone. */
export const isNamed = ({ id, label, title }) => label === 'User' || title !== id;
