/** The view for somebody new: choose some items, say a sentence, and see at once what is recommended. Nothing is kept. */
import { asProblem, isAborted } from './api.js';
import { card } from './cards.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { field, textInput } from './field.js';
import { recommendToNewcomer } from './live-api.js';
import { newcomerChoices } from './newcomer-choices.js';
import { newcomerProfile } from './newcomer-profile.js';
import { basis } from './newcomer-words.js';
import { patiently } from './patience.js';
import { section } from './section.js';
import { cardBones, emptyState, errorState, fill } from './states.js';

const COUNT = 12;
const PAUSE = 300;

export function newcomerPage() {
  const choices = newcomerChoices(later);
  const profile = newcomerProfile(later);
  const sentence = textInput({ maxlength: 2000, placeholder: t('quiet-strange-with-a-good-ending'), oninput: later });
  const why = h('p', { class: 'newcomer__why', role: 'status' });
  const waiting = h('p', { class: 'waiting', role: 'status' });
  const region = h('div');
  const restart = h('button', { type: 'button', class: 'button', onclick: startOver }, t('start-over'));
  const head = h('div', { class: 'view__head' }, h('div', { class: 'view__lead' }, h('h1', { tabindex: -1 }, t('new-here-2')), h('p', { class: 'soft' }, t('tap-what-you-like-the-recommendations'))), restart);
  const asked = section(t('what-do-you-like'), [choices.element, field(t('in-your-own-words'), sentence, { wide: true }), profile.element]);
  const answer = section(t('for-you'), [why, waiting, region]);
  answer.id = 'for-you';
  const jump = h('button', { type: 'button', class: 'button button--main newcomer__jump', onclick: goThere }, t('see-what-is-for-you'));
  const element = h('div', {}, head, h('div', { class: 'newcomer' }, asked, answer), jump);
  const watch = new IntersectionObserver(([entry]) => (jump.hidden = entry.isIntersecting));
  watch.observe(answer);
  let running = new AbortController();
  let timer = 0;
  let drawn = false;
  update();
  return { element, title: `${t('new-here')} · Interlace`, reasonFor: async () => null, leave };

  function leave() {
    clearTimeout(timer);
    running.abort();
    watch.disconnect();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(update, PAUSE);
  }

  function goThere() {
    answer.scrollIntoView();
    region.querySelector('a')?.focus({ preventScroll: true });
  }

  function startOver() {
    sentence.value = '';
    profile.reset();
    choices.reset();
    later();
  }

  function wish() {
    const text = sentence.value.trim();
    const known = profile.profile();
    return { items: choices.chosen().map(({ id }) => id), n: COUNT, ...(text && { text }), ...(Object.keys(known).length > 0 && { profile: known }) };
  }

  /** The first time with bones; afterwards the old list stands until the new one is there. */
  async function update() {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const chosen = choices.chosen();
    const who = wish();
    const load = () => patiently(() => recommendToNewcomer(who, signal), { say: (words) => (waiting.textContent = words), signal });
    const render = (found) => show(found, chosen);
    if (!drawn) return fill(region, { bones: () => h('ul', { class: 'grid grid--small' }, cardBones(COUNT)), load, render });
    region.setAttribute('aria-busy', 'true');
    try {
      const found = await load();
      region.replaceChildren(render(found));
    } catch (error) {
      if (isAborted(error)) return;
      drawn = false;
      region.replaceChildren(errorState(asProblem(error), update, true));
    }
    region.removeAttribute('aria-busy');
  }

  function show({ items, sources }, chosen) {
    drawn = items.length > 0;
    why.textContent = basis(sources, chosen);
    if (!drawn) return emptyState(t('nothing-to-recommend'), t('every-item-has-been-chosen-or'));
    const before = new Set([...region.querySelectorAll('[data-item]')].map((one) => one.dataset.item));
    return h('ul', { class: 'grid grid--small', 'aria-label': t('recommended-to-you') }, items.map((entry) => recommended(entry, before)));
  }

  function recommended({ item, rank }, before) {
    const entry = card(item, { rank, chips: false, eager: rank <= 6 });
    entry.dataset.item = item.id;
    if (before.size > 0 && !before.has(item.id)) entry.classList.add('card--new');
    return entry;
  }
}
