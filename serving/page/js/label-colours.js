/** One colour a label, the same in the drawing and its legend, readable on both themes. */
import { hash } from './format.js';

const FIXED = { User: '#4a7fd6', Item: '#1d9a78', Genre: '#cf8a1c', Entity: '#8d7bd8', Person: '#c2573f' };
const OTHERS = ['#b0569e', '#3f95a8', '#8a8f2f', '#a8744a', '#6f86a6', '#c25f7a'];

export const labelColour = (label) => FIXED[label] ?? OTHERS[hash(label) % OTHERS.length];
