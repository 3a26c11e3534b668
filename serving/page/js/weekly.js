/** This week's discovery for a user, with a dial for how much of it is familiar. */
import { asProblem, isAborted } from './api.js';
import { h, uniqueId } from './dom.js';
import { number, t } from './i18n.js';
import { replaceMoving } from './moving.js';
import { discoverWeekly } from './playlist-api.js';
import { cover } from './playlist-cover.js';
import { emptyState, errorState, fill } from './states.js';
import { trackBones, tracks } from './track-list.js';

const PAUSE = 90;
const STEPS = 10;
/** Where the API's own dial stands. */
export const DIAL = 0.3;

/** `onchange(familiarity)`: called when the dial rests, so that the address can say it. */
export function weekly(onchange) {
  const id = uniqueId('dial');
  const input = h('input', { class: 'mix__slider', id, type: 'range', min: 0, max: STEPS, step: 1, oninput: later, onchange: () => onchange(dial()) });
  const share = h('output', { class: 'dial__share', for: id });
  const ends = h('div', { class: 'dial__ends soft small', 'aria-hidden': 'true' }, h('span', {}, t('all-of-it-new')), h('span', {}, t('half-of-it-familiar')));
  const controls = h('div', { class: 'dial' }, h('label', { class: 'field__name', for: id }, t('how-familiar')), input, ends);
  const region = h('div');
  const trouble = h('div');
  const status = h('p', { class: 'visually-hidden', role: 'status' });
  const list = h('ol', { class: 'tracks', 'aria-label': t('discovery-of-the-week') });
  const picture = h('div');
  const week = h('p', { class: 'soft' });
  let running = new AbortController();
  let timer = 0;
  let user = null;
  return { controls, element: h('div', {}, status, trouble, region), show, leave };

  function leave() {
    clearTimeout(timer);
    running.abort();
  }

  function dial() {
    return Number(input.value) / STEPS;
  }

  /** A dial that has only moved keeps the list, which follows by itself. */
  function show(wished, familiarity = DIAL) {
    if (wished === user && dial() === familiarity) return;
    user = wished;
    input.value = familiarity * STEPS;
    dress();
    fill(region, { bones: () => trackBones(6), load, render });
  }

  function load() {
    running.abort();
    running = new AbortController();
    return discoverWeekly(user, dial(), running.signal);
  }

  function render(found) {
    if (found.items.length === 0) return emptyState(t('nothing-fits'), t('every-item-has-been-seen-or'));
    list.replaceChildren(...entries(found));
    told(found);
    return h('div', { class: 'album' }, h('div', { class: 'album__head' }, picture, h('div', {}, h('h2', { class: 'album__name' }, t('discovery-of-the-week')), week, share)), list);
  }

  function later() {
    dress();
    clearTimeout(timer);
    timer = setTimeout(follow, PAUSE);
  }

  async function follow() {
    try {
      const found = await load();
      trouble.replaceChildren();
      if (!list.isConnected) return region.replaceChildren(render(found));
      const fresh = replaceMoving(list, entries(found));
      told(found);
      status.textContent = [t('the-list-has-changed-n-is', { n: fresh }), share.textContent].join(' ');
    } catch (error) {
      if (!isAborted(error)) trouble.replaceChildren(errorState(asProblem(error), follow, true));
    }
  }

  function told(found) {
    const part = number(found.familiar_share, { style: 'percent', maximumFractionDigits: 0 });
    picture.replaceChildren(cover(found.items));
    share.textContent = t('share-of-it-is-familiar', { share: part });
    week.textContent = [t('n-items', { n: found.items.length }), t('week-name', { week: found.week })].join(' · ');
  }

  function dress() {
    input.style.setProperty('--part', String(dial()));
    input.setAttribute('aria-valuetext', number(dial(), { maximumFractionDigits: 1 }));
  }
}

const entries = ({ items }) => tracks(items, { mark: ({ familiar }) => familiar && h('span', { class: 'chip' }, t('familiar')) });
