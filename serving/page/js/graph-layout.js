/** Where the nodes of a drawing stand: the steps of a path in order, or neighbours around one node. */

/** Map of key -> {x, y}: the first node first, `target` last. `upright`: downwards, where there is no room beside. */
export function pathPositions({ nodes, edges }, target, { width, height, upright }) {
  const steps = stepsOf(nodes, edges, target);
  const layers = Math.max(...steps.values()) + 1;
  const positions = new Map();
  for (let layer = 0; layer < layers; layer += 1) {
    const keys = nodes.map(({ key }) => key).filter((key) => steps.get(key) === layer);
    keys.forEach((key, place) => {
      const along = (layer + 0.5) / layers;
      const across = (place + 1) / (keys.length + 1);
      positions.set(key, upright ? { x: across * width * 0.6, y: along * height } : { x: along * width, y: across * height });
    });
  }
  return positions;
}

/** Steps from the first node; the target comes behind all others. */
function stepsOf([first, ...others], edges, target) {
  const steps = new Map([[first.key, 0]]);
  for (const key of steps.keys()) {
    for (const { source, target: goal } of edges) {
      const next = source === key ? goal : goal === key ? source : null;
      if (next !== null && !steps.has(next)) steps.set(next, steps.get(key) + 1);
    }
  }
  for (const { key } of others) if (!steps.has(key)) steps.set(key, 1);
  const before = [...steps].filter(([key]) => key !== target).map(([, step]) => step);
  if (steps.has(target)) steps.set(target, Math.max(0, ...before) + 1);
  return steps;
}

/** The target in the middle, the others on an ellipse around it, those of one label beside each other. */
export function aroundPositions({ nodes }, target, { width, height }) {
  const others = nodes.filter(({ key }) => key !== target).sort((one, other) => one.label.localeCompare(other.label));
  const positions = new Map([[target, { x: 0, y: 0 }]]);
  others.forEach(({ key }, place) => {
    const angle = (2 * Math.PI * (place + 0.5)) / others.length - Math.PI / 2;
    positions.set(key, { x: Math.cos(angle) * width * 0.42, y: Math.sin(angle) * height * 0.42 });
  });
  return positions;
}
