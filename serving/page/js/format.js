/** Ids, numbers and names as people read them. */
import { known, locale, number, t } from './i18n.js';

/** `movielens:196` -> `196`. */
export const nativeId = (id) => id.slice(id.indexOf(':') + 1);

export function userName({ id, properties = {} }) {
  return String(properties.name ?? properties.title ?? t('user-id', { id: nativeId(id) }));
}

/** `zip_code` -> `Zip code`, `ReleaseYear` -> `Release year`. */
export function words(name) {
  const spaced = name.replaceAll('_', ' ').replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1).toLowerCase();
}

export const count = (n) => t('n-interaction', { n });

export const score = (value) => Number(value).toLocaleString(locale, { maximumSignificantDigits: 3 });

export function metric(value) {
  return typeof value === 'number' && !Number.isInteger(value) ? number(value, { minimumFractionDigits: 4, maximumFractionDigits: 4 }) : String(value);
}

const SAID_ELSEWHERE = new Set(['name', 'title', 'entity']);

/** Properties worth a line: short values, most telling first as the source has them. */
export function facts(properties, most) {
  const shown = Object.entries(properties).filter(([name, value]) => isShort(value) && !SAID_ELSEWHERE.has(name));
  return shown.slice(0, most).map(([name, value]) => [known(name, words(name)), typeof value === 'number' && !Number.isInteger(value) ? number(value) : String(value)]);
}

const isShort = (value) => ['string', 'number', 'boolean'].includes(typeof value) && String(value).length <= 40;

/** FNV-1a with a mixing step, so that ids in a row differ widely: the same text gives the same colours and shapes everywhere. */
export function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

/** Hues that look well dark: no olive, no mustard. */
const HUES = [4, 18, 150, 165, 180, 195, 208, 222, 236, 252, 270, 292, 318, 340];

export const hue = (text) => HUES[hash(text) % HUES.length];
