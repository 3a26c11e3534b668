/** Loading, empty and failed, in one place: `fill` takes a region of the page through them. */
import { asProblem, isAborted } from './api.js';
import { h } from './dom.js';
import { t } from './i18n.js';

/**
 * Puts into `region` first `bones()`, then what `render` makes of the loaded value, or the error with a way to try
 * again. Resolves to the loaded value, or to null when it could not be had.
 */
export async function fill(region, { bones, load, render, small = false }) {
  region.setAttribute('aria-busy', 'true');
  region.replaceChildren(h('p', { class: 'visually-hidden', role: 'status' }, t('loading')), ...[bones()].flat());
  try {
    const value = await load();
    region.replaceChildren(...[render(value)].flat(Infinity).filter(Boolean));
    return value;
  } catch (error) {
    if (isAborted(error)) return null;
    const again = () => fill(region, { bones, load, render, small });
    region.replaceChildren(errorState(asProblem(error), again, small, small ? 'h3' : firstHeading()));
    return null;
  } finally {
    region.removeAttribute('aria-busy');
  }
}

/** A page that could not be had has no other heading. */
const firstHeading = () => (document.querySelector('main h1') ? 'h2' : 'h1');

/** `level`: of the heading, where the place asks for another one. */
export function errorState(problem, retry, small = false, level = small ? 'h3' : 'h2') {
  return h(
    'div',
    { class: small ? 'state state--error state--small' : 'state state--error', role: 'alert' },
    h(level, {}, problem.title),
    h('p', {}, sentence(problem.detail)),
    problem.valid && h('p', {}, h('b', {}, t('valid'), ' '), sentence(problem.valid)),
    problem.remedy && h('p', {}, h('b', {}, t('what-to-do'), ' '), sentence(problem.remedy)),
    retry && h('button', { type: 'button', class: 'button', onclick: retry }, t('try-again')),
  );
}

export function emptyState(title, text, small = false) {
  const heading = h(small ? 'h3' : 'h2', {}, title);
  return h('div', { class: small ? 'state state--small' : 'state' }, heading, h('p', { class: 'soft' }, text));
}

export function cardBones(number) {
  const card = () =>
    h('li', { class: 'card' }, h('div', { class: 'poster bone' }), h('div', { class: 'bone bone--line' }), h('div', { class: 'bone bone--line bone--short' }));
  return Array.from({ length: number }, card);
}

export const rowBones = (number) => Array.from({ length: number }, () => h('li', { class: 'bone bone--row' }));

export const lineBones = (number) => Array.from({ length: number }, () => h('div', { class: 'bone bone--line' }));

function sentence(text) {
  return /[.!?]$/.test(text ?? '') ? text : `${text}.`;
}
