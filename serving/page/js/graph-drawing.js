/** Draws a graph with cytoscape: nodes coloured by label, names below them, types on the arrows. */
import cytoscape from '../vendor/cytoscape.esm.min.mjs';
import { graphStyle } from './graph-style.js';
import { aroundPositions, pathPositions } from './graph-layout.js';
import { labelColour } from './label-colours.js';
import { onThemeChange } from './theme.js';

const NARROW = 460;
const MARGIN = 22;
const FEW = 30;
const FORCES = { name: 'cose', animate: false, fit: true, padding: MARGIN, nodeDimensionsIncludeLabels: true, nodeOverlap: 20, gravity: 1.2, numIter: 1500, randomize: true };
const SMALL = { width: 24, height: 24, 'font-size': 12, 'font-weight': 'normal', 'text-max-width': 96 };

/** `model`: from `graphModel`; `target`: key of the node it is about; `pictures`: Map of key -> address of an image. */
export function drawGraph(container, model, { target, layout, pictures }) {
  const upright = layout === 'path' && container.clientWidth < NARROW;
  if (upright) container.classList.add('graph__canvas--tall');
  const size = { width: container.clientWidth, height: container.clientHeight, upright };
  const positions = (layout === 'path' ? pathPositions : aroundPositions)(model, target, size);
  const look = () => graphStyle(container, { upright, around: layout === 'around' });
  const cy = cytoscape({
    container,
    elements: elementsOf(model, target, pictures),
    style: look(),
    layout: { name: 'preset', positions: (node) => positions.get(node.id()), fit: true, padding: MARGIN },
    maxZoom: 1.15,
    userZoomingEnabled: false,
    userPanningEnabled: false,
    boxSelectionEnabled: false,
    autounselectify: true,
  });
  keepUp(cy, container, look);
}

/** Draws a graph of no known shape: forces place the nodes, people may drag and zoom. */
export function drawFreely(container, model) {
  const few = model.nodes.length <= FEW;
  const look = () => [...graphStyle(container, { upright: false, around: !few }), { selector: 'node', style: SMALL }];
  const cy = cytoscape({
    container,
    elements: elementsOf(model, null, new Map()),
    style: look(),
    layout: { ...FORCES, boundingBox: { x1: 0, y1: 0, w: container.clientWidth, h: container.clientHeight }, nodeRepulsion: () => 40_000, idealEdgeLength: () => 40 },
    minZoom: 0.15,
    maxZoom: 2.5,
    boxSelectionEnabled: false,
  });
  if (cy.zoom() > 1.2) cy.zoom({ level: 1.2, renderedPosition: { x: container.clientWidth / 2, y: container.clientHeight / 2 } });
  keepUp(cy, container, look);
}

function elementsOf({ nodes, edges }, target, pictures) {
  const node = ({ key, label, title }) => ({
    data: { id: key, title, colour: labelColour(label), picture: pictures.get(key) },
    classes: key === target ? 'target' : '',
  });
  return [...nodes.map(node), ...edges.map((edge) => ({ data: { ...edge } }))];
}

/** The container's size and the theme may change while the drawing stands. */
function keepUp(cy, container, look) {
  const sizes = new ResizeObserver(() => (container.isConnected ? refit() : stop()));
  const unfollow = onThemeChange(() => (container.isConnected ? cy.style(look()) : stop()));
  sizes.observe(container);

  function refit() {
    cy.resize();
    cy.fit(undefined, MARGIN);
  }

  function stop() {
    sizes.disconnect();
    unfollow();
    cy.destroy();
  }
}
