/** Small charts in SVG: bars beside each other, a line over time. The numbers are the text alternative. */
import { h, s } from './dom.js';

const WIDTH = 240;
const HEIGHT = 56;
const EDGE = 6;

/** One row a value from 0 to 1 (or of a common whole): its name, a bar, the number. `rows`: [name, part, shown]. */
export function bars(rows, name) {
  const row = ([label, part, shown]) =>
    h('li', { class: 'bar' }, h('span', { class: 'bar__name' }, label), track(part), h('span', { class: 'bar__value' }, shown));
  return h('ul', { class: 'bars', 'aria-label': name }, rows.map(row));
}

function track(part) {
  const width = `${Math.max(0, Math.min(1, part)) * 100}%`;
  return s('svg', { class: 'bar__track', 'aria-hidden': 'true' }, s('rect', { class: 'bar__ground', width: '100%', height: '100%', rx: 4 }), s('rect', { class: 'bar__part', width, height: '100%', rx: 4 }));
}

/** `values`: oldest first; `said`: what it shows, in words. */
export function line(values, said) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const spread = most - least || 1;
  const x = (place) => EDGE + (place / Math.max(1, values.length - 1)) * (WIDTH - 2 * EDGE);
  const y = (value) => HEIGHT - EDGE - ((value - least) / spread) * (HEIGHT - 2 * EDGE);
  const points = values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
  const area = `M${points[0]}L${points.join('L')}L${x(values.length - 1)},${HEIGHT}L${x(0)},${HEIGHT}Z`;
  return s(
    'svg',
    { class: 'line', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': said },
    s('path', { class: 'line__area', d: area }),
    s('polyline', { class: 'line__stroke', points: points.join(' ') }),
    values.map((value, place) => s('circle', { class: 'line__dot', cx: x(place), cy: y(value), r: place === values.length - 1 ? 4 : 2.5 })),
  );
}
