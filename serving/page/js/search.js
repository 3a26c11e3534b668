/** The search in the header: finds users and items while one types, and goes to what is chosen. */
import { findItems, findUsers } from './api.js';
import { combobox } from './combobox.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { address, here } from './router.js';
import { groupsOf } from './search-options.js';

const EACH = 6;

export function searchBox() {
  const note = h('kbd', { class: 'search__key', 'aria-hidden': 'true' }, '/');
  const box = combobox({ name: t('search-a-user-or-a-title'), offers: t('users-and-items'), find, take, note, id: 'search-input' });
  document.addEventListener('keydown', shortcut);
  return box.element;

  async function find(words, signal) {
    const [users, items] = await Promise.all([findUsers(words, EACH, signal), findItems(words, EACH, signal)]);
    return groupsOf(users, items, here().user);
  }

  function take({ dataset }) {
    box.input.blur();
    location.hash = address({ user: dataset.user ?? null, item: dataset.item ?? null });
  }

  function shortcut(event) {
    const typing = event.target.closest?.('input, textarea, [contenteditable]');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.input.focus();
  }
}
