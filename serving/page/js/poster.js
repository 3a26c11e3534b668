/** The picture of an item, or, where it has none or it cannot be loaded, one drawn from its title. */
import { h } from './dom.js';
import { drawnPoster } from './drawn-poster.js';

export function poster(item, { eager = false, alt = '' } = {}) {
  const frame = h('div', { class: 'poster' });
  if (!item.image) {
    frame.append(drawnPoster(item));
    return frame;
  }
  const size = { width: 200, height: 300, decoding: 'async', loading: eager ? 'eager' : 'lazy' };
  const draw = () => frame.replaceChildren(drawnPoster(item));
  frame.append(h('img', { src: item.image, alt, ...size, onerror: draw }));
  return frame;
}
