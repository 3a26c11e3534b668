/** What to ask a newcomer about: a grid of items to tap, others on demand, and what was chosen so far. */
import { h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { getOnboarding } from './live-api.js';
import { poster } from './poster.js';
import { emptyState, fill } from './states.js';

const AT_ONCE = 12;
const MOST_SKIPPED = 500;

/** `onchange`: called after every choice. `chosen()` are items, oldest first. */
export function newcomerChoices(onchange) {
  const region = h('div');
  const strip = h('ul', { class: 'chosen', 'aria-label': t('chosen'), hidden: true });
  const others = h('button', { type: 'button', class: 'button', onclick: () => load(true) }, t('show-others'));
  const element = h('div', {}, strip, region, h('div', { class: 'more' }, others));
  const chosen = new Map();
  let shown = [];
  load(false);
  return { element, chosen: () => [...chosen.values()], reset };

  async function load(moved) {
    const skip = [...new Set([...shown, ...chosen.keys()])].slice(-MOST_SKIPPED);
    others.disabled = true;
    const items = await fill(region, { bones, load: () => getOnboarding(AT_ONCE, skip), render: grid, small: true });
    others.disabled = false;
    if (items === null) return;
    shown = items.length > 0 ? [...shown, ...items.map(({ id }) => id)] : [];
    others.textContent = items.length > 0 ? t('show-others') : t('from-the-start');
    if (moved) (region.querySelector('button') ?? others).focus();
  }

  function grid(items) {
    if (items.length === 0) return emptyState(t('that-was-all-of-them'), t('there-is-nothing-else-to-ask'), true);
    return h('ul', { class: 'choices', 'aria-label': t('what-do-you-like') }, items.map((item) => h('li', {}, choice(item))));
  }

  function choice(item) {
    const year = item.year !== null && h('span', { class: 'soft small' }, String(item.year));
    const mark = h('span', { class: 'choice__mark', 'aria-hidden': 'true' }, icon('check'));
    const look = { type: 'button', class: 'choice', 'aria-pressed': String(chosen.has(item.id)), 'data-item': item.id, onclick: () => flip(item) };
    return h('button', look, poster(item), mark, h('span', { class: 'choice__title' }, item.title), year);
  }

  function flip(item) {
    if (chosen.has(item.id)) chosen.delete(item.id);
    else chosen.set(item.id, item);
    dress();
    onchange();
  }

  function dress() {
    for (const button of region.querySelectorAll('.choice')) button.setAttribute('aria-pressed', String(chosen.has(button.dataset.item)));
    strip.hidden = chosen.size === 0;
    strip.replaceChildren(...[...chosen.values()].map(chip));
  }

  function chip(item) {
    const remove = () => {
      flip(item);
      (strip.querySelector('button') ?? region.querySelector('button') ?? others).focus();
    };
    return h('li', { class: 'chosen__item' }, h('span', {}, item.title), h('button', { type: 'button', class: 'chosen__remove', 'aria-label': t('not-title', { title: item.title }), onclick: remove }, icon('close')));
  }

  function reset() {
    chosen.clear();
    shown = [];
    dress();
    load(false);
  }
}

const bones = () => h('ul', { class: 'choices' }, Array.from({ length: AT_ONCE }, () => h('li', {}, h('div', { class: 'poster bone' }), h('div', { class: 'bone bone--line' }))));
