/** The combobox in the header: finds users and items while one types, by keyboard or pointer (ARIA 1.2 pattern). */
import { asProblem, findItems, findUsers, isAborted } from './api.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { address, here } from './router.js';
import { groupsOf } from './search-options.js';

const PAUSE = 120;
const EACH = 6;

export function searchBox() {
  const input = h('input', {
    class: 'search__input', id: 'search-input', type: 'search', role: 'combobox', placeholder: t('search-a-user-or-a-title'),
    'aria-label': t('search-a-user-or-a-title'), 'aria-expanded': 'false', 'aria-controls': 'search-list', 'aria-autocomplete': 'list',
    autocomplete: 'off', spellcheck: 'false', maxlength: 200, oninput: () => later(), onfocus: () => look(), onclick: () => look(),
    onblur: close, onkeydown: key,
  });
  const list = h('div', { class: 'search__list', id: 'search-list', role: 'listbox', 'aria-label': t('users-and-items'), hidden: true, onmousedown: (event) => event.preventDefault(), onclick: pick });
  const status = h('span', { class: 'visually-hidden', role: 'status' });
  let running = new AbortController();
  let timer = 0;
  let chosen = -1;
  document.addEventListener('keydown', shortcut);
  return h('div', { class: 'search' }, icon('search', 'search__icon'), input, h('kbd', { class: 'search__key', 'aria-hidden': 'true' }, '/'), list, status);

  function later() {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  }

  async function look() {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const words = input.value.trim();
    try {
      const [users, items] = await Promise.all([findUsers(words, EACH, signal), findItems(words, EACH, signal)]);
      show(groupsOf(users, items, here().user), words);
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
    if (event.key === 'Enter' && !list.hidden) take(options()[Math.max(chosen, 0)]);
    if (event.key === 'Escape') list.hidden ? (input.value = '') : close();
  }

  function moveBy(step) {
    const many = options().length;
    if (many > 0) mark(chosen < 0 && step < 0 ? many - 1 : (chosen + step + many) % many);
  }

  function pick(event) {
    take(event.target.closest('[role=option]'));
  }

  function take(option) {
    if (!option) return;
    input.value = '';
    input.blur();
    location.hash = address({ user: option.dataset.user ?? null, item: option.dataset.item ?? null });
  }

  function shortcut(event) {
    const typing = event.target.closest?.('input, textarea, [contenteditable]');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
  }
}
