/** A user's home page of one scenario: what its filters ask for, and its shelves as the API fills them. */
import { asProblem, getHome, getRecommendations } from './api.js';
import { card } from './cards.js';
import { told } from './card-facts.js';
import { h } from './dom.js';
import { words } from './format.js';
import { known, list, number, t } from './i18n.js';
import { playlistAddress } from './playlist-address.js';
import { scenarios } from './scenario-picker.js';
import { section } from './section.js';
import { shelf } from './shelf.js';
import { cardBones, emptyState, fill } from './states.js';

const FOR_YOU = 'for-you';
const REASONS = 30;
const EAGER = 6;
/** What is played one after the other; goods and news are not. */
const PLAYED = new Set(['movie', 'video', 'track', 'artist']);
/** In a filter: what the user's own properties say. */
const OWN = 'user';

export function scenarioShelves(user, name) {
  const region = h('div');
  const filters = h('ul', { class: 'chips scenario__filters', 'aria-label': t('filters-of-this-page') });
  const element = h('div', {}, filters, region);
  const slots = new Map();
  const shown = fill(region, { bones, load: () => getHome(user, name), render });
  const reasons = shown.then((page) => (page === null ? new Map() : explained(user, slots)));
  scenarios().then((all) => filters.append(...chips(all.find((one) => one.name === name)?.filters ?? {})));
  return { element, reasonFor };

  function render({ shelves }) {
    if (shelves.length === 0) return emptyState(t('nothing-here'), t('no-shelf-of-this-page-has-items'));
    return shelves.map((one, place) => shelfSection(one, place === 0));
  }

  function shelfSection({ title, source, item, attribute, items }, first) {
    const personal = source === FOR_YOU;
    const entry = ({ item: one, rank, facts }) => card(one, { user, rank: personal ? rank : null, meta: told(one, facts), chips: false, eager: first && rank <= EAGER, extra: personal ? slot(one) : [] });
    const row = shelf(title, items.map(entry));
    if (personal) row.classList.add('shelf__frame--wide');
    const about = item ? { items: [item.id] } : attribute && { attributes: { [attribute.label]: attribute.name } };
    const playable = about && items.every(({ item: one }) => PLAYED.has(one.kind));
    return section(emphasised(title, item?.title ?? attribute?.name), row, playable && asPlaylist(title, { ...about, user }));
  }

  /** Room for the reason from the start: nothing moves when it comes. */
  function slot({ id }) {
    const place = h('p', { class: 'reason reason--short reason--none' });
    slots.set(id, place);
    return place;
  }

  /** The ranked entry of an item with its reason, or null where it is not among the recommended ones. */
  async function reasonFor(item) {
    return (await reasons).get(item) ?? null;
  }
}

/** The recommended items with their reasons, by id; written into the slots of the items that have one; where none has, the room goes. */
async function explained(user, slots) {
  const { items } = await getRecommendations(user, REASONS, true).catch((error) => {
    console.info('No reasons:', asProblem(error).detail);
    return { items: [] };
  });
  const told = items.filter(({ item, reason }) => reason && slots.has(item.id));
  for (const { item, reason } of told) {
    const slot = slots.get(item.id);
    slot.classList.remove('reason--none');
    slot.title = reason.text;
    slot.textContent = reason.text;
  }
  if (told.length === 0) slots.forEach((slot) => slot.remove());
  return new Map(items.map((entry) => [entry.item.id, entry]));
}

const asPlaylist = (title, seeds) => h('a', { class: 'link small', href: playlistAddress({ seeds }) }, t('as-a-playlist'), h('span', { class: 'visually-hidden' }, `: ${title}`));

const bones = () => [0, 1, 2].map(() => h('div', { class: 'section' }, h('div', { class: 'section__head' }, h('div', { class: 'bone bone--title' })), h('ul', { class: 'shelf' }, cardBones(8))));

/** What the title speaks of stands out. */
function emphasised(title, name) {
  const at = name ? title.indexOf(name) : -1;
  return at < 0 ? title : [title.slice(0, at), h('em', {}, name), title.slice(at + name.length)];
}

/** A chip for each thing that a filter asks for. */
function chips(filters) {
  const said = [
    filters.in_stock && t('in-stock-only'),
    filters.country && (filters.country === OWN ? t('sold-in-your-country') : t('sold-in-name', { name: filters.country })),
    filters.age !== undefined && (filters.age === OWN ? t('fit-for-your-age') : t('fit-for-age-n', { n: Number(filters.age) })),
    filters.kinds && list(filters.kinds.map((kind) => known(kind, words(kind)))),
    ...Object.entries(filters.ranges ?? {}).map(([name, ends]) => `${known(name, words(name))}: ${range(ends)}`),
    ...Object.entries(filters.attributes ?? {}).map(([name, values]) => `${known(name, words(name))}: ${list(values)}`),
    ...Object.entries(filters.without ?? {}).map(([, values]) => t('without-names', { names: list(values) })),
  ];
  return said.filter(Boolean).map((text) => h('li', { class: 'chip' }, text));
}

function range([low, high]) {
  if (low === null) return t('at-most-n', { n: number(high) });
  return high === null ? t('at-least-n', { n: number(low) }) : `${number(low)}–${number(high)}`;
}
