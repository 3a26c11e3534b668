/** What a card tells beside the title: an event's day and distance, a product's maker and price, a track's artist, an article's source and age. */
import { h } from './dom.js';
import { locale, number } from './i18n.js';

/** Labels that say whose an item is, by kind. */
const MAKERS = { product: ['Brand', 'Maker'], track: ['Artist', 'Performer', 'Band'], article: ['Source', 'Publisher', 'Outlet'], event: ['Venue'] };
const AGES = [['day', 86_400], ['hour', 3_600], ['minute', 60]];
/** Days beyond which a date says more than how long ago it was. */
const LONG_AGO = 14;

/** Elements for the line below the title; empty where nothing is known. */
export function told(item, facts = {}) {
  const maker = (MAKERS[item.kind] ?? []).map((label) => item.attributes[label]?.[0]).find(Boolean);
  const parts = [facts.starts && begins(facts.starts), maker, place(facts), price(item.kind, facts), facts.published && age(facts.published)];
  return parts.filter(Boolean).map((text) => h('span', { class: 'card__fact' }, text));
}

/** By the clock on the wall there: the offset, where one is written, is left out. */
function begins(text) {
  const at = new Date(text.slice(0, 19));
  const format = { weekday: 'short', day: 'numeric', month: 'short', ...(text.length > 10 && { hour: 'numeric', minute: '2-digit', hourCycle: 'h23' }) };
  return Number.isNaN(at.valueOf()) ? text : at.toLocaleString(locale, format);
}

function place({ city, kilometres }) {
  const away = kilometres === undefined ? null : number(kilometres, { style: 'unit', unit: 'kilometer', maximumFractionDigits: kilometres < 10 ? 1 : 0 });
  return [city, away].filter(Boolean).join(', ');
}

/** A number without a currency says what it is of goods alone. */
function price(kind, { price: value, currency }) {
  const known = /^[A-Z]{3}$/.test(currency ?? '');
  if (value === undefined || !(known || kind === 'product')) return null;
  return number(value, known ? { style: 'currency', currency } : { maximumFractionDigits: 2 });
}

function age(text) {
  const at = new Date(text);
  const seconds = (Date.now() - at) / 1000;
  if (Number.isNaN(seconds)) return null;
  if (seconds < 0 || seconds > LONG_AGO * 86_400) return at.toLocaleDateString(locale, { day: 'numeric', month: 'short', year: 'numeric' });
  const [unit, size] = AGES.find(([, length]) => seconds >= length) ?? AGES.at(-1);
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-Math.floor(seconds / size), unit);
}
