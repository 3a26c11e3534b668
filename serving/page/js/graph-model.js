/** A graph of the API, made ready to draw: ends of relationships found, titles as people read them. */
import { nativeId } from './format.js';

const FROM_USER = new Set(['VIEWED', 'CLICKED', 'LIKED', 'RATED', 'PURCHASED', 'LISTENED', 'SKIPPED', 'HIDDEN', 'IMPRESSED', 'RECOMMENDED', 'IS', 'FRIEND']);
const TO_USER = new Set(['FRIEND']);

/**
 * {nodes: [{key, id, label, title}], edges: [{source, target, type}]}, ends by key. An id is unique within a label
 * only (user 1 and item 1 of one platform share theirs), so the type says at which of the two a relationship ends.
 */
export function graphModel({ nodes, relationships }) {
  const shown = nodes.map(({ id, label, title }) => ({ key: `${label} ${id}`, id, label, title: readable({ id, label, title }) }));
  const edges = relationships.map(({ source, target, type }) => ({
    source: end(shown, source, FROM_USER.has(type)),
    target: end(shown, target, TO_USER.has(type)),
    type,
  }));
  return { nodes: shown, edges: edges.filter(({ source, target }) => source && target) };
}

function end(nodes, id, isUser) {
  const named = nodes.filter((node) => node.id === id);
  return (named.find((node) => (node.label === 'User') === isUser) ?? named[0])?.key;
}

function readable({ id, label, title }) {
  if (title !== id) return title;
  return label === 'User' ? `User ${nativeId(id)}` : nativeId(id);
}

/** Whether a node has a name: an entity of a knowledge graph is often known by a code alone. */
export const isNamed = ({ id, label, title }) => label === 'User' || title !== id;
