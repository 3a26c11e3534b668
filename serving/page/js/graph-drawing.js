/** Draws a graph with cytoscape: nodes coloured by label, names below them, types on the arrows. */
import cytoscape from '../vendor/cytoscape.esm.min.mjs';
import { labelColour } from './label-colours.js';
import { pathPositions } from './path-layout.js';
import { onThemeChange } from './theme.js';

const NARROW = 460;

export function drawGraph(container, { nodes, relationships }, { target, layout }) {
  const upright = layout === 'path' && container.clientWidth < NARROW;
  if (upright) container.classList.add('graph__canvas--tall');
  const cy = cytoscape({
    container,
    elements: [...nodes.map((node) => nodeElement(node, target)), ...relationships.map(edgeElement)],
    style: style(container, upright),
    layout: layoutOf(layout, upright, container, { nodes, relationships, target }),
    userZoomingEnabled: false,
    userPanningEnabled: false,
    boxSelectionEnabled: false,
    autounselectify: true,
  });
  cy.fit(undefined, 24);
  keepUp(cy, container, upright);
}

function nodeElement({ id, label, title }, target) {
  return { data: { id, title, colour: labelColour(label) }, classes: id === target ? 'target' : '' };
}

const edgeElement = ({ source, target, type }) => ({ data: { source, target, type } });

function layoutOf(name, upright, { clientWidth, clientHeight }, graph) {
  if (name === 'path') {
    const positions = pathPositions(graph, { width: clientWidth, height: clientHeight, upright });
    return { name: 'preset', positions: (node) => positions.get(node.id()), fit: false };
  }
  const nearFirst = (node) => (node.id() === graph.target ? 2 : 1);
  return { name: 'concentric', concentric: nearFirst, levelWidth: () => 1, animate: false, minNodeSpacing: 34, startAngle: Math.PI };
}

/** The container's size and the theme may change while the drawing stands. */
function keepUp(cy, container, upright) {
  const sizes = new ResizeObserver(() => {
    if (!container.isConnected) return stop();
    cy.resize();
    cy.fit(undefined, 24);
  });
  const unfollow = onThemeChange(() => (container.isConnected ? cy.style(style(container, upright)) : stop()));
  sizes.observe(container);

  function stop() {
    sizes.disconnect();
    unfollow();
    cy.destroy();
  }
}

function style(container, upright) {
  const [ink, soft, page, line] = ['--ink', '--ink-soft', '--page', '--line-strong'].map((name) => colour(container, name));
  const font = getComputedStyle(container).fontFamily;
  const text = { color: ink, 'font-family': font, 'text-background-color': page, 'text-background-opacity': 0.9, 'text-background-padding': 2 };
  const beside = upright ? { 'text-halign': 'right', 'text-valign': 'center', 'text-margin-x': 8 } : { 'text-valign': 'bottom', 'text-margin-y': 6 };
  return [
    { selector: 'node', style: { ...text, ...beside, width: 28, height: 28, label: 'data(title)', 'background-color': 'data(colour)', 'font-size': 13, 'font-weight': 600, 'text-wrap': 'wrap', 'text-max-width': 118 } },
    { selector: '.target', style: { width: 40, height: 40, 'border-width': 4, 'border-color': 'data(colour)', 'border-opacity': 0.35, 'border-position': 'outside' } },
    { selector: 'edge', style: { ...text, color: soft, width: 1.5, label: 'data(type)', 'font-size': 9.5, 'line-color': line, 'target-arrow-color': line, 'target-arrow-shape': 'triangle', 'arrow-scale': 0.9, 'curve-style': 'bezier' } },
  ];
}

/** A token as the colour it is now: only a real property resolves light-dark(). */
function colour(container, name) {
  container.style.setProperty('color', `var(${name})`);
  const value = getComputedStyle(container).color;
  container.style.removeProperty('color');
  return value;
}
