/** A list's cover: its first pictures in a square, drawn from titles where there are none. */
import { h } from './dom.js';
import { poster } from './poster.js';

const MOST = 4;

export function cover(entries) {
  const pictured = entries.filter(({ item }) => item.image);
  const shown = [...pictured, ...entries.filter(({ item }) => !item.image)].slice(0, MOST);
  return h('div', { class: `cover cover--${shown.length === MOST ? MOST : 1}`, 'aria-hidden': 'true' }, shown.slice(0, shown.length === MOST ? MOST : 1).map(({ item }) => poster(item, { eager: true })));
}
