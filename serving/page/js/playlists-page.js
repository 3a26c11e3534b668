/** The view of lists to be played: a playlist, a radio, the discovery of the week, from what one chooses. All in the address. */
import { findItems, findUsers } from './api.js';
import { card } from './cards.js';
import { catalogue } from './catalogue.js';
import { h } from './dom.js';
import { known, t } from './i18n.js';
import { words } from './format.js';
import { userCard } from './people.js';
import { playlistMade } from './playlist-made.js';
import { playlistAddress } from './playlist-address.js';
import { ARTISTS, playlistStarts, pruned } from './playlist-starts.js';
import { radio } from './radio.js';
import { section } from './section.js';
import { cardBones, fill } from './states.js';
import { DIAL, weekly } from './weekly.js';

const FEW = 12;
const NAMES = 10;
const MODES = { list: () => t('playlist'), radio: () => t('radio'), week: () => t('discovery-of-the-week') };

export function playlistsPage(search) {
  const made = { list: playlistMade(({ n, minutes }) => go({ n, minutes })), radio: radio(), week: weekly((familiarity) => go({ familiarity })) };
  const starts = playlistStarts((seeds) => go({ seeds }));
  const people = playlistStarts((seeds) => go({ seeds }), { people: true });
  const tabs = h('ul', { class: 'scenarios__list' });
  const start = h('div', { class: 'starting' });
  const answer = h('div', { class: 'section' });
  const head = h('div', { class: 'view__lead' }, h('h1', { tabindex: -1 }, t('playlists')), h('p', { class: 'soft' }, t('say-where-to-start-and-play')));
  const element = h('div', {}, head, h('nav', { class: 'scenarios', 'aria-label': t('kind-of-list') }, tabs), start, answer);
  let wish = {};
  let drawn = '';
  revisit(search);
  return { element, title: `${t('playlists')} · Interlace`, reasonFor: async () => null, revisit, leave };

  function leave() {
    for (const one of Object.values(made)) one.leave();
  }

  function go(change) {
    location.hash = playlistAddress({ ...wish, ...(('n' in change || 'minutes' in change) && { n: null, minutes: null }), ...change });
  }

  function revisit(wished) {
    const before = wish;
    wish = read(wished);
    tabs.replaceChildren(...Object.keys(MODES).map(tab));
    if (wish.mode !== before.mode) begin();
    (wish.mode === 'week' ? people : starts).show(wish.seeds);
    const ready = wish.mode === 'week' ? wish.seeds.user : Object.keys(wish.seeds).length > 0;
    const now = JSON.stringify([wish.mode, wish.seeds, wish.n, wish.minutes]);
    if (now === drawn && wish.mode !== 'week') return;
    drawn = now;
    if (!ready) return answer.replaceChildren(suggestions(wish));
    const { element: region, show } = made[wish.mode];
    if (region.parentElement !== answer) answer.replaceChildren(region);
    if (wish.mode === 'week') show(wish.seeds.user, wish.familiarity);
    else show(wish.seeds, wish);
  }

  function begin() {
    const { element: box, chips } = wish.mode === 'week' ? people : starts;
    start.replaceChildren(box, made[wish.mode].controls ?? '', chips);
  }

  function tab(mode) {
    const current = mode === wish.mode && 'true';
    return h('li', {}, h('a', { class: 'scenarios__link', href: playlistAddress({ ...wish, mode }), 'aria-current': current }, MODES[mode]()));
  }
}

function read(search) {
  const { mode, from, n, minutes, familiarity } = Object.fromEntries(search);
  const dial = familiarity === undefined ? DIAL : Math.min(1, Math.max(0, Number(familiarity) || 0));
  return { mode: mode in MODES ? mode : 'list', seeds: seedsOf(from), n, minutes, familiarity: dial };
}

/** What an address says; one that says nothing that can be read starts from nothing. */
function seedsOf(text) {
  try {
    return pruned(JSON.parse(text ?? '{}') ?? {});
  } catch {
    return {};
  }
}

/** What one may start from, before anything is chosen. */
function suggestions(wish) {
  const region = h('div');
  if (wish.mode === 'week') {
    fill(region, { bones: () => h('ul', { class: 'people' }), load: () => findUsers('', FEW), render: (users) => h('ul', { class: 'people' }, users.map((user) => userCard(user, to({ user: user.id })))) });
    return section(t('for-whom'), region);
  }
  fill(region, { bones: () => h('ul', { class: 'grid grid--small' }, cardBones(FEW)), load: () => Promise.all([findItems('', FEW), catalogue()]), render: offered });
  return section(t('start-from-one-of-these'), region);

  function offered([items, { labels }]) {
    const named = ([label, values]) => h('div', { class: 'moods' }, h('h3', { class: 'moods__name' }, known(label, words(label))), h('ul', { class: 'toggles' }, values.slice(0, NAMES).map((value) => h('li', {}, h('a', { class: 'toggle', href: to(seedOf(label, value)) }, value)))));
    return [...labels.slice(0, 3).map(named), h('ul', { class: 'grid grid--small', 'aria-label': t('items-to-start-from') }, items.map((item) => card(item, { chips: false, href: to({ items: [item.id] }) })))];
  }

  function to(seeds) {
    return playlistAddress({ ...wish, seeds: { ...wish.seeds, ...seeds } });
  }
}

const seedOf = (label, value) => (ARTISTS.includes(label) ? { artist: value } : { attributes: { [label]: value } });
