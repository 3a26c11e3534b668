/** The few icons, drawn as strokes in the colour of the text beside them. */
import { s } from './dom.js';

const PATHS = {
  search: ['M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13Z', 'm15.500 15.500 5 5'],
  close: ['m6 6 12 12', 'M18 6 6 18'],
  picture: ['M5 4.500h14a1.500 1.500 0 0 1 1.500 1.500v12a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 18V6A1.500 1.500 0 0 1 5 4.500Z', 'M8.500 8.200a1.300 1.300 0 1 0 0 2.600 1.300 1.300 0 0 0 0-2.600Z', 'm4 17 5-4.500 3.500 3 3.500-3.500 4.500 4.500'],
  plus: ['M12 5v14', 'M5 12h14'],
  check: ['m5 12.500 4.500 4.500L19 7.500'],
  auto: ['M12 3a9 9 0 1 0 0 18Z', 'M12 3a9 9 0 0 1 0 18'],
  light: ['M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z', 'M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600 19 19M19 5l-1.400 1.400M6.400 17.600 5 19'],
  dark: ['M20 14.500A8.500 8.500 0 1 1 9.500 4a6.800 6.800 0 0 0 10.500 10.500Z'],
};

export function icon(name, look = null) {
  const strokes = PATHS[name].map((d) => s('path', { d }));
  const pen = { fill: 'none', stroke: 'currentColor', 'stroke-width': 1.8, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' };
  return s('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true', class: look, ...pen }, strokes);
}
