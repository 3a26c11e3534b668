/** Items like this one by a mix that one sets: a slider for words, picture, sound, graph and crowd; the list follows. */
import { asProblem, getMixed, isAborted } from './api.js';
import { card } from './cards.js';
import { h, uniqueId } from './dom.js';
import { score } from './format.js';
import { number, t } from './i18n.js';
import { replaceMoving } from './moving.js';
import { cardBones, emptyState, errorState, fill } from './states.js';

const COUNT = 12;
const PAUSE = 90;
const TOP = 10;
const NAMES = { text: () => t('words'), image: () => t('picture'), audio: () => t('sound'), graph: () => t('graph'), crowd: () => t('crowd') };

/** Fills `region`; the item says which ways it can be compared by. */
export function showMix(region, item, user) {
  return fill(region, {
    bones: () => h('ul', { class: 'grid grid--small' }, cardBones(6)),
    load: () => getMixed(item.id, 'even', COUNT),
    render: (found) => mixer(found, item, user),
    small: true,
  });
}

function mixer({ ways, items }, item, user) {
  if (items.length === 0) return emptyState(t('nothing-similar'), t('title-has-no-neighbours-of-this', { title: item.title }), true);
  const list = h('ul', { class: 'grid grid--small', 'aria-label': t('similar-by-a-mix') }, items.map(entry));
  const trouble = h('div');
  const status = h('p', { class: 'visually-hidden', role: 'status' });
  const sliders = ways.map((way) => slider(way, later));
  let running = new AbortController();
  let timer = 0;
  share(sliders);
  const group = h('div', { class: 'mix', role: 'group', 'aria-label': t('what-counts') }, sliders.map(({ element }) => element));
  return [h('p', { class: 'soft' }, t('move-the-sliders-the-list-follows')), group, status, trouble, list];

  function later() {
    share(sliders);
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  }

  async function ask() {
    running.abort();
    running = new AbortController();
    const weights = sliders.map(({ way, weight }) => `${way}:${weight()}`).join();
    if (sliders.every(({ weight }) => weight() === 0)) return trouble.replaceChildren(emptyState(t('nothing-counts'), t('move-a-slider-to-the-right'), true));
    try {
      const found = await getMixed(item.id, weights, COUNT, running.signal);
      trouble.replaceChildren();
      replaceMoving(list, found.items.map(entry));
      status.textContent = t('most-alike-now-title', { title: found.items[0]?.item.title ?? '–' });
    } catch (error) {
      if (!isAborted(error)) trouble.replaceChildren(errorState(asProblem(error), ask, true));
    }
  }

  function entry({ item: other, score: likeness }) {
    const meta = h('span', { class: 'similarity similarity--end', title: t('standard-deviations-above-the-usual-likeness') }, score(likeness.toFixed(1)));
    const made = card(other, { user, meta, chips: false });
    made.dataset.item = other.id;
    return made;
  }
}

function slider(way, onmove) {
  const id = uniqueId('mix');
  const input = h('input', { class: 'mix__slider', id, type: 'range', min: 0, max: TOP, step: 1, value: TOP / 2, oninput: onmove });
  const share = h('output', { class: 'mix__share', for: id });
  const element = h('div', { class: 'mix__row' }, h('label', { class: 'mix__name', for: id }, NAMES[way]?.() ?? way), input, share);
  return { way, element, input, share, weight: () => Number(input.value) };
}

/** Beside each slider: the share of the whole that it has. */
function share(sliders) {
  const whole = sliders.reduce((sum, { weight }) => sum + weight(), 0) || 1;
  for (const { share: place, input, weight } of sliders) {
    const percent = number(weight() / whole, { style: 'percent', maximumFractionDigits: 0 });
    place.textContent = percent;
    input.setAttribute('aria-valuetext', percent);
    input.style.setProperty('--part', String(weight() / TOP));
  }
}
