/** A field that offers what fits while one types, by keyboard or pointer (ARIA 1.2 combobox with a listbox). */
import { asProblem, isAborted } from './api.js';
import { h, uniqueId } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

const PAUSE = 120;

/**
 * `find(words, signal)` resolves to groups of options, `take(option)` is called with the element that was chosen.
 * `name`: of the field, `offers`: of its list, `note`: an element beside the words.
 */
export function combobox({ name, offers, find, take, note = null, id = uniqueId('combobox') }) {
  const input = h('input', {
    class: 'search__input', id, type: 'search', role: 'combobox', placeholder: name, 'aria-label': name, 'aria-expanded': 'false',
    'aria-controls': `${id}-list`, 'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: 'false', maxlength: 200,
    oninput: () => later(), onfocus: () => look(), onclick: () => look(), onblur: close, onkeydown: key,
  });
  const list = h('div', { class: 'search__list', id: `${id}-list`, role: 'listbox', 'aria-label': offers, hidden: true, onmousedown: (event) => event.preventDefault(), onclick: pick });
  const status = h('span', { class: 'visually-hidden', role: 'status' });
  let running = new AbortController();
  let timer = 0;
  let chosen = -1;
  return { element: h('div', { class: 'search' }, icon('search', 'search__icon'), input, note, list, status), input };

  function later() {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  }

  async function look() {
    running.abort();
    running = new AbortController();
    const words = input.value.trim();
    try {
      show(await find(words, running.signal), words);
    } catch (error) {
      if (!isAborted(error)) tell(asProblem(error).detail);
    }
  }

  function show(groups, words) {
    if (document.activeElement !== input) return;
    const found = groups.reduce((sum, group) => sum + group.querySelectorAll('[role=option]').length, 0);
    if (found === 0) return tell(t('nothing-is-called-words', { words }));
    open(groups);
    status.textContent = t('n-result', { n: found });
  }

  function tell(message) {
    open([h('p', { class: 'search__note' }, message)]);
    status.textContent = message;
  }

  function open(children) {
    list.replaceChildren(...children);
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    mark(-1);
  }

  function close() {
    clearTimeout(timer);
    running.abort();
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    mark(-1);
  }

  function options() {
    return [...list.querySelectorAll('[role=option]')];
  }

  function mark(place) {
    chosen = place;
    options().forEach((option, other) => option.setAttribute('aria-selected', String(other === place)));
    const option = options()[place];
    input.setAttribute('aria-activedescendant', option?.id ?? '');
    option?.scrollIntoView({ block: 'nearest' });
  }

  function key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      return list.hidden ? look() : moveBy(step);
    }
    if (event.key === 'Enter' && !list.hidden) chose(options()[Math.max(chosen, 0)]);
    if (event.key === 'Escape') list.hidden ? (input.value = '') : close();
  }

  function moveBy(step) {
    const many = options().length;
    if (many > 0) mark(chosen < 0 && step < 0 ? many - 1 : (chosen + step + many) % many);
  }

  function pick(event) {
    chose(event.target.closest('[role=option]'));
  }

  function chose(option) {
    if (!option) return;
    input.value = '';
    close();
    take(option);
  }
}
