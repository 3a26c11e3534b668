/** A radio: one item plays, like and skip change what comes next at once. The session is kept here alone. */
import { asProblem, isAborted } from './api.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { replaceMoving } from './moving.js';
import { playNext } from './playlist-api.js';
import { poster } from './poster.js';
import { itemAddress } from './router.js';
import { section } from './section.js';
import { emptyState, errorState, fill } from './states.js';
import { trackBones, tracks } from './track-list.js';

const AHEAD = 7;
const NOTHING = { played: [], skipped: [], liked: [] };

export function radio() {
  const region = h('div');
  const status = h('p', { class: 'visually-hidden', role: 'status' });
  const trouble = h('div');
  const stage = h('div', { class: 'stage' });
  const ahead = h('ol', { class: 'tracks', 'aria-label': t('up-next') });
  const past = h('ol', { class: 'tracks tracks--past', 'aria-label': t('played') });
  const before = section(t('played'), past);
  const player = h('div', { class: 'album' }, h('div', { class: 'album__head' }, stage, trouble), h('div', {}, section(t('up-next'), ahead), before));
  let running = new AbortController();
  let seeds = {};
  let session = NOTHING;
  let now = null;
  let heard = [];
  return { element: h('div', {}, status, region), show, leave: () => running.abort() };

  /** A new station: its session begins anew. The same one plays on. */
  function show(wished) {
    if (now && JSON.stringify(wished) === JSON.stringify(seeds)) return;
    seeds = wished;
    session = NOTHING;
    [now, heard] = [null, []];
    return fill(region, {
      bones: () => trackBones(6),
      load: ask,
      render: ({ items }) => {
        if (items.length === 0) return emptyState(t('nothing-fits'), t('no-item-of-the-catalogue-goes'));
        play(items);
        return player;
      },
    });
  }

  function ask() {
    running.abort();
    running = new AbortController();
    return playNext({ ...seeds, ...session, n: AHEAD }, running.signal);
  }

  /** The first of these plays; what stands after it may still change. */
  function play([first, ...rest]) {
    now = first ?? null;
    if (now) session = { ...session, played: [...session.played, now.item.id] };
    stage.replaceChildren(...(now ? playing(now) : [emptyState(t('that-was-all-of-them'), t('nothing-more-goes-with-it'), true)]));
    status.textContent = now ? t('now-title', { title: now.item.title }) : t('that-was-all-of-them');
    shown(rest);
  }

  function shown(items) {
    replaceMoving(ahead, tracks(items, { numbered: false }));
    past.replaceChildren(...tracks(heard.map((entry) => ({ ...entry, follows: null })), { numbered: false, mark: verdict }));
    before.hidden = heard.length === 0;
  }

  function verdict({ item }) {
    const told = session.skipped.includes(item.id) ? ['skip', t('skipped')] : session.liked.includes(item.id) && ['heart', t('liked')];
    return told && h('span', { class: 'track__mark', title: told[1] }, icon(told[0]), h('span', { class: 'visually-hidden' }, told[1]));
  }

  function playing({ item, why }) {
    const like = h('button', { type: 'button', class: 'button', 'aria-pressed': 'false', onclick: () => liked(like) }, icon('heart'), t('like'));
    const buttons = h(
      'div',
      { class: 'stage__buttons', role: 'group', 'aria-label': t('what-do-you-think-of-title', { title: item.title }) },
      like,
      h('button', { type: 'button', class: 'button', onclick: () => turn('skipped') }, icon('ban'), t('skip')),
      h('button', { type: 'button', class: 'button button--main', 'data-next': '', onclick: () => turn(null) }, icon('skip'), t('next')),
    );
    return [
      poster(item, { eager: true }),
      h('div', { class: 'stage__words' }, h('h2', { class: 'album__name' }, h('a', { href: itemAddress({ item: item.id }), 'data-item': item.id }, item.title)), h('p', { class: 'soft' }, [item.year, why[0]?.text].filter(Boolean).join(' · ')), buttons),
    ];
  }

  /** It goes on playing; what comes after it is asked for anew. */
  async function liked(button) {
    const { id } = now.item;
    const on = !session.liked.includes(id);
    session = { ...session, liked: on ? [...session.liked, id] : session.liked.filter((one) => one !== id) };
    button.setAttribute('aria-pressed', String(on));
    await refreshed(({ items }) => {
      shown(items.slice(0, AHEAD - 1));
      status.textContent = t('up-next-title', { title: items[0]?.item.title ?? '–' });
    });
  }

  /** Goes on to the next one, which a skip has already changed. */
  async function turn(kind) {
    if (kind) session = { ...session, [kind]: [...session[kind], now.item.id] };
    const [left, focused] = [now, stage.contains(document.activeElement) ? document.activeElement.textContent : null];
    await refreshed(({ items }) => {
      heard = [left, ...heard];
      play(items);
      if (focused) [...stage.querySelectorAll('button')].find((one) => one.textContent === focused)?.focus();
    });
  }

  async function refreshed(render) {
    trouble.replaceChildren();
    try {
      render(await ask());
    } catch (error) {
      if (!isAborted(error)) trouble.replaceChildren(errorState(asProblem(error), () => refreshed(render), true));
    }
  }
}
