/** Shelves around a taste: like what was liked last, the attribute they like most, what is new. All asked for at once. */
import { getMixed } from './api.js';
import { card } from './cards.js';
import { h } from './dom.js';
import { parts, t } from './i18n.js';
import { recommendToNewcomer } from './live-api.js';
import { section } from './section.js';
import { shelf } from './shelf.js';
import { cardBones, emptyState, fill } from './states.js';

const EACH = 16;
const MOST_TASTE = 30;
const LIKED_SHELVES = 2;
const NEW_YEARS = 1;
/** Ratings from here on count as a like, as in the training of the models. */
const LIKED = 4;
const NOT_LIKED = new Set(['skipped', 'hidden', 'impressed']);

export const isLike = ({ kind, value }) => !NOT_LIKED.has(kind) && (value === null || value >= LIKED);

/** Elements, one a shelf. Nothing for somebody who has liked nothing. */
export function tasteShelves(user) {
  const liked = user.history.filter(isLike).map(({ item }) => item);
  if (liked.length === 0) return [];
  const seen = new Set(user.history.map(({ item }) => item.id));
  const because = liked.slice(0, LIKED_SHELVES).map((item) => likeShelf(item, user, seen));
  const [favourite] = topAttributes(liked);
  const taste = liked.slice(0, MOST_TASTE).map(({ id }) => id);
  const asked = { items: taste, exclude: [...seen], n: EACH };
  const newest = Math.max(...user.history.map(({ item }) => item.year ?? -Infinity));
  return [
    because[0],
    favourite && filtered(t('name-for-you', { name: favourite.name }), { ...asked, filter: { attributes: { [favourite.label]: favourite.name } } }, user),
    because[1],
    Number.isFinite(newest) && filtered(t('new-and-near-your-taste'), { ...asked, filter: { years: [newest - NEW_YEARS, newest + 100] } }, user),
  ].filter(Boolean);
}

function likeShelf(item, user, seen) {
  const title = t('because-you-liked-title', { title: item.title });
  const heading = parts('because-you-liked-title', { title: h('em', {}, item.title) });
  const load = async () => (await getMixed(item.id, 'even', EACH + seen.size)).items.filter((entry) => !seen.has(entry.item.id)).slice(0, EACH);
  return loaded(title, heading, load, user);
}

const filtered = (title, wish, user) => loaded(title, title, async () => (await recommendToNewcomer(wish)).items, user);

function loaded(title, heading, load, user) {
  const region = h('div');
  const render = (found) =>
    found.length === 0 ? emptyState(t('nothing-here'), t('all-of-it-has-been-seen'), true) : shelf(title, found.map(({ item }) => card(item, { user: user.id, chips: false })));
  fill(region, { bones: () => h('ul', { class: 'shelf' }, cardBones(8)), load, render, small: true });
  return section(heading, region);
}

/** [{label, name, count}], the most liked first. */
function topAttributes(items) {
  const counts = new Map();
  for (const { attributes } of items)
    for (const [label, names] of Object.entries(attributes))
      for (const name of names) {
        const key = JSON.stringify([label, name]);
        counts.set(key, { label, name, count: (counts.get(key)?.count ?? 0) + 1 });
      }
  return [...counts.values()].sort((one, other) => other.count - one.count);
}
