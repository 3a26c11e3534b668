/** A playlist: how long it shall be, and the list in its order, named and illustrated. */
import { h } from './dom.js';
import { number, t } from './i18n.js';
import { choose, field, numberInput, select } from './field.js';
import { makePlaylist } from './playlist-api.js';
import { cover } from './playlist-cover.js';
import { emptyState, fill } from './states.js';
import { trackBones, tracks } from './track-list.js';

const ITEMS = 15;
const MOST = 100;

/** `onchange({n, minutes})`: called with a new length. */
export function playlistMade(onchange) {
  const length = numberInput({ min: 1, max: 1440, value: ITEMS, onchange: changed });
  const unit = select([['n', t('items')], ['minutes', t('minutes')]], { onchange: changed });
  const region = h('div');
  const controls = h('div', { class: 'length' }, field(t('length'), length), field(t('in'), unit));
  let running = new AbortController();
  return { controls, element: region, show, leave: () => running.abort() };

  function changed() {
    onchange({ [unit.value]: length.value });
  }

  function show(seeds, { n, minutes }) {
    choose(unit, minutes ? 'minutes' : 'n');
    if (length !== document.activeElement) length.value = minutes || n || ITEMS;
    running.abort();
    running = new AbortController();
    const wish = { ...seeds, ...(minutes ? { minutes: Number(minutes) } : { n: Math.min(MOST, Math.max(1, Number(n) || ITEMS)) }) };
    return fill(region, { bones: () => trackBones(6), load: () => makePlaylist(wish, running.signal), render });
  }
}

function lengthOf(minutes) {
  const whole = Math.round(minutes);
  return whole < 60 ? t('n-min', { n: whole }) : t('hours-h-minutes-min', { hours: Math.floor(whole / 60), minutes: whole % 60 });
}

function render({ name, items, minutes, complete, smoothness }) {
  if (items.length === 0) return emptyState(t('nothing-fits'), t('no-item-of-the-catalogue-goes'));
  const facts = [
    t('n-items', { n: items.length }),
    minutes !== null && lengthOf(minutes),
    !complete && t('all-that-there-is'),
  ].filter(Boolean);
  const digits = { maximumFractionDigits: 2, minimumFractionDigits: 2 };
  const alike = t('neighbours-alike-by-score', { ordered: number(smoothness.ordered, digits), unordered: number(smoothness.unordered, digits) });
  return h(
    'div',
    { class: 'album' },
    h('div', { class: 'album__head' }, cover(items), h('div', {}, h('h2', { class: 'album__name' }, name), h('p', { class: 'soft' }, facts.join(' · ')), items.length > 1 && h('p', { class: 'soft small' }, alike))),
    h('ol', { class: 'tracks', 'aria-label': name }, tracks(items)),
  );
}
