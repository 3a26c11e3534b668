/** How a drawn graph looks, from the page's own colours and font. */

export function graphStyle(container, { upright, around }) {
  const [ink, soft, page, line] = ['--ink', '--ink-soft', '--page', '--line-strong'].map((name) => colour(container, name));
  const words = {
    'font-family': getComputedStyle(container).fontFamily,
    'text-background-color': page,
    'text-background-opacity': 0.85,
    'text-background-padding': 2,
    'text-background-shape': 'roundrectangle',
  };
  const side = upright
    ? { 'text-halign': 'right', 'text-valign': 'center', 'text-margin-x': 8 }
    : { 'text-halign': 'center', 'text-valign': 'bottom', 'text-margin-y': 6 };
  return [
    { selector: 'node', style: { ...words, ...side, ...NODE, color: ink } },
    { selector: 'node[picture]', style: PICTURE },
    { selector: '.target', style: around ? { width: 34, height: 34 } : TARGET },
    { selector: 'edge', style: { ...words, ...EDGE, color: soft, 'line-color': line, 'target-arrow-color': line } },
    { selector: 'edge', style: around ? { 'font-size': 8, 'text-rotation': 'autorotate' } : {} },
  ];
}

const NODE = {
  width: 26,
  height: 26,
  label: 'data(title)',
  'background-color': 'data(colour)',
  'font-size': 12.5,
  'font-weight': 'bold',
  'text-wrap': 'wrap',
  'text-max-width': 116,
  'line-height': 1.15,
};

const PICTURE = {
  width: 44,
  height: 66,
  shape: 'round-rectangle',
  'background-image': 'data(picture)',
  'background-fit': 'cover',
  'background-image-crossorigin': 'null',
  'border-width': 3,
  'border-color': 'data(colour)',
};

const TARGET = { 'border-width': 4, 'border-color': 'data(colour)', 'outline-width': 4, 'outline-color': 'data(colour)', 'outline-opacity': 0.3 };

const EDGE = {
  width: 1.5,
  label: 'data(type)',
  'font-size': 9,
  'target-arrow-shape': 'triangle',
  'arrow-scale': 0.9,
  'curve-style': 'bezier',
};

/** A token as the colour it is now: only a real property resolves light-dark(). */
function colour(container, name) {
  container.style.setProperty('color', `var(${name})`);
  const value = getComputedStyle(container).color;
  container.style.removeProperty('color');
  return value;
}
