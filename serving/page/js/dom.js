/** Building elements without ever parsing a string as HTML: what data says stays text. */

const SVG = 'http://www.w3.org/2000/svg';

/** h('p', {class: 'soft', onclick: f, vars: {'--hue': 20}}, 'text', child): null and false children are left out. */
export function h(tag, props = {}, ...children) {
  return furnish(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), props, children);
}

function furnish(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'vars') setVariables(element, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Custom properties go through the style object: the policy forbids style attributes. */
function setVariables(element, values) {
  for (const [name, value] of Object.entries(values)) element.style.setProperty(name, String(value));
}

let last = 0;

/** An id for labels and descriptions, unique on the page. */
export function uniqueId(prefix) {
  last += 1;
  return `${prefix}-${last}`;
}
