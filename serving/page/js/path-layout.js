/** Places the nodes of a reason: the user first, the recommended item last, steps of the path between them in order. */

/** Map of node id -> {x, y}. `upright`: from top to bottom, where there is no room beside each other. */
export function pathPositions({ nodes, relationships, target }, { width, height, upright }) {
  const steps = stepsOf(nodes, relationships, target);
  const layers = Math.max(...steps.values()) + 1;
  const inLayer = Array.from({ length: layers }, () => []);
  for (const node of nodes) inLayer[steps.get(node.id)].push(node.id);
  const [along, across] = upright ? [height, width] : [width, height];
  const positions = new Map();
  inLayer.forEach((ids, layer) => {
    ids.forEach((id, place) => {
      const forward = ((layer + 0.5) * along) / layers;
      const aside = ((place + 1) * across) / (ids.length + 1);
      positions.set(id, upright ? { x: aside, y: forward } : { x: forward, y: aside });
    });
  });
  return positions;
}

/** Steps from the first node, the target pushed behind all others. */
function stepsOf(nodes, relationships, target) {
  const steps = new Map([[nodes[0].id, 0]]);
  const queue = [nodes[0].id];
  for (const id of queue) {
    for (const { source, target: end } of relationships) {
      const next = source === id ? end : end === id ? source : null;
      if (next === null || steps.has(next)) continue;
      steps.set(next, steps.get(id) + 1);
      queue.push(next);
    }
  }
  for (const { id } of nodes) if (!steps.has(id)) steps.set(id, 1);
  const others = nodes.filter(({ id }) => id !== target).map(({ id }) => steps.get(id));
  if (steps.has(target)) steps.set(target, Math.max(...others, 0) + 1);
  return steps;
}
