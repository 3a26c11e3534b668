/** A poster made from a title: two colours and a pattern chosen by its hash, the title set below. */
import { s, uniqueId } from './dom.js';
import { hash, hue } from './format.js';

const WIDTH = 200;
const HEIGHT = 300;
const MOST_LINES = 5;

export function drawnPoster({ id, title, year }) {
  const seed = hash(`${id} ${title}`);
  const tone = hue(`${id} ${title}`);
  const paints = [`hsl(${tone} 30% 26%)`, `hsl(${(tone + 16) % 360} 44% 47%)`, `hsl(${(tone + 200) % 360} 40% 70%)`];
  const pattern = PATTERNS[(seed >>> 9) % PATTERNS.length];
  return s(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'xMidYMid slice', 'aria-hidden': 'true' },
    s('rect', { width: WIDTH, height: HEIGHT, fill: paints[0] }),
    pattern(paints, seed >>> 12),
    lettering(title, year),
  );
}

const PATTERNS = [rings, discs, bands, hills, weave];

function rings([, second, third], seed) {
  const x = 30 + (seed % 140);
  const circle = (step) =>
    s('circle', { cx: x, cy: 70, r: 22 + step * 26, fill: 'none', stroke: step % 3 ? second : third, 'stroke-width': 9, opacity: 0.85 - step * 0.1 });
  return [0, 1, 2, 3, 4].map(circle);
}

function discs([, second, third], seed) {
  const shift = (seed % 40) - 20;
  return [
    s('circle', { cx: 72 + shift, cy: 84, r: 58, fill: second, opacity: 0.9 }),
    s('circle', { cx: 128 + shift, cy: 110, r: 58, fill: third, opacity: 0.55 }),
  ];
}

function bands([, second, third], seed) {
  const turn = 25 + (seed % 40);
  const band = (step) =>
    s('rect', { x: -120, y: -40 + step * 44, width: 460, height: 14 + step * 3, fill: step % 2 ? third : second, opacity: 0.75 - step * 0.1 });
  return s('g', { transform: `rotate(-${turn} 100 100)` }, [0, 1, 2, 3, 4].map(band));
}

function hills([, second, third], seed) {
  const sun = 50 + (seed % 100);
  return [
    s('circle', { cx: sun, cy: 66, r: 30, fill: third, opacity: 0.9 }),
    s('path', { d: 'M0 150C50 96 90 110 130 140s60 10 70-10v170H0Z', fill: second, opacity: 0.6 }),
    s('path', { d: 'M0 190c60-40 110-30 200 10v100H0Z', fill: second, opacity: 0.85 }),
  ];
}

function weave([, second, third], seed) {
  const swing = 26 + (seed % 24);
  const strand = (paint, sign, y) =>
    s('path', { d: `M-10 ${y}q52 ${sign * swing * 2} 110 0t110 0`, fill: 'none', stroke: paint, 'stroke-width': 11, 'stroke-linecap': 'round', opacity: 0.8 });
  return [50, 90, 130].map((y) => [strand(second, 1, y), strand(third, -1, y)]);
}

/** The title in at most five lines at the foot, on a shade that keeps it readable on every pattern. */
function lettering(title, year) {
  const size = title.length > 34 ? 17 : title.length > 16 ? 20 : 25;
  const lines = wrap(title, Math.floor(172 / (size * 0.56)));
  const foot = year ? HEIGHT - 38 : HEIGHT - 20;
  const top = foot - (lines.length - 1) * size * 1.15;
  const line = (text, place) => s('text', { x: 14, y: top + place * size * 1.15, 'font-size': size }, text);
  return [shade(top - size * 3), lines.map(line), year && s('text', { x: 14, y: HEIGHT - 16, 'font-size': 14, class: 'poster__year' }, String(year))];
}

function shade(top) {
  const id = uniqueId('shade');
  const stop = (offset, opacity) => s('stop', { offset, 'stop-color': '#0b0c0e', 'stop-opacity': opacity });
  return [
    s('linearGradient', { id, x1: 0, y1: 0, x2: 0, y2: 1 }, stop(0, 0), stop(0.45, 0.62), stop(1, 0.8)),
    s('rect', { y: top, width: WIDTH, height: HEIGHT - top, fill: `url(#${id})` }),
  ];
}

/** Words into lines of at most `most` characters; a word longer than a line is cut. */
function wrap(title, most) {
  const lines = [];
  for (const word of title.split(/\s+/).flatMap((part) => part.match(new RegExp(`.{1,${most}}`, 'gu')) ?? [])) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES - 1), `${lines[MOST_LINES - 1].slice(0, most - 1)}…`];
}
