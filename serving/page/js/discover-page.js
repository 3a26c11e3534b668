/** The Discover view: items near a sentence, a picture or an item, with filters that hold. */
import { addForm } from './edit-form.js';
import { discoverBox } from './discover-box.js';
import { asFilter, discoverFilters } from './discover-filters.js';
import { found, resultBones, starts } from './discover-results.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { guesses } from './guesses.js';
import { icon } from './icons.js';
import { onItemsChange } from './added.js';
import { searchItems } from './live-api.js';
import { patiently } from './patience.js';
import { viewAddress } from './router.js';
import { section } from './section.js';
import { fill } from './states.js';

const FIRST = 18;
const STEP = 18;
const MOST = 90;

export function discoverPage(search) {
  const box = discoverBox(ask);
  const filters = discoverFilters(ask);
  const guessed = guesses();
  const waiting = h('p', { class: 'waiting', role: 'status' });
  const status = h('p', { class: 'visually-hidden', role: 'status' });
  const region = h('div');
  const answer = section(t('found'), [waiting, region], h('p', { class: 'soft small' }, t('nearest-first-the-number-is-the')));
  const intro = starts();
  const stopListening = onItemsChange(() => asked() && run(FIRST));
  const head = h('div', { class: 'view__head' }, h('div', { class: 'view__lead' }, h('h1', { tabindex: -1 }, t('discover')), h('p', { class: 'soft' }, t('say-it-or-show-it-the'))), addButton());
  const element = h('div', {}, head, box.element, filters.element, guessed.element, status, answer, intro.element);
  let running = new AbortController();
  let shown = [];
  let thing = [];
  revisit(search);
  return { element, title: `${t('discover')} · Interlace`, reasonFor: async () => null, revisit, leave };

  function leave() {
    running.abort();
    box.leave();
    stopListening();
  }

  /** What is asked goes into the address, and from there into the search: so the browser's back works. */
  function ask() {
    const address = viewAddress('discover', { ...box.parameters(), ...filters.parameters() });
    if (address === location.hash) revisit(new URLSearchParams(address.split('?')[1]));
    else location.hash = address;
  }

  function revisit(wished) {
    const { item, ...parameters } = Object.fromEntries(wished);
    const now = [JSON.stringify(parameters), box.picture()];
    if (same(now, shown)) return;
    shown = now;
    box.show(parameters);
    filters.show(parameters);
    if (asked()) run(FIRST);
    else rest();
  }

  function asked() {
    const { q, like } = box.parameters();
    return Boolean(q || like || box.picture());
  }

  function rest() {
    running.abort();
    guessed.hide();
    [answer.hidden, intro.element.hidden] = [true, false];
    intro.show(filters.parameters());
    waiting.textContent = status.textContent = '';
    thing = [];
  }

  async function run(n) {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const { q, like } = box.parameters();
    const given = { ...(q && { text: q }), ...(box.picture() && { image: box.picture().base64 }) };
    const wish = { ...given, ...(like && { like: [like] }), n, filter: asFilter(filters.parameters()) };
    [answer.hidden, intro.element.hidden] = [false, true];
    waiting.textContent = status.textContent = '';
    const items = await fill(region, {
      bones: resultBones,
      load: () => patiently(() => searchItems(wish, signal), { say: (words) => (waiting.textContent = words), signal }),
      render: (items) => found(items, items.length === n && n < MOST && (() => more(n))),
    });
    if (items === null) return;
    status.textContent = items.length > 0 ? t('n-item-found-nearest-first-title', { n: items.length, title: items[0].item.title }) : t('nothing-fits');
    guessOnce(given, signal);
  }

  async function more(n) {
    await run(n + STEP);
    region.querySelectorAll('.card__title a')[n]?.focus();
  }

  /** Filters say nothing of what the thing is. */
  function guessOnce(given, signal) {
    const now = [given.text, box.picture()];
    if (!same(now, thing)) guessed.show(given, signal);
    thing = now;
  }

  function addButton() {
    return h('button', { type: 'button', class: 'button', onclick: addForm }, icon('plus'), t('add-an-item'));
  }
}

const same = (one, other) => one.length === other.length && one.every((value, place) => value === other[place]);
