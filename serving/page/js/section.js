/** A titled part of a page: a landmark that bears its heading's name. */
import { h, uniqueId } from './dom.js';

export function section(title, children, note = null) {
  const id = uniqueId('section');
  const head = h('div', { class: 'section__head' }, h('h2', { id }, title), note);
  return h('section', { class: 'section', 'aria-labelledby': id }, head, children);
}
