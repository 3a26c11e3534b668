/** `?`: which keys do what. */
import { openDialog } from './dialog.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

const KEYS = [
  [['/'], () => t('search-a-user-or-a-title')],
  [['←', '→'], () => t('from-item-to-item-on-a')],
  [['Enter'], () => t('open-what-has-the-focus')],
  [['Esc'], () => t('close-what-is-open')],
  [['Ctrl', 'Enter'], () => t('run-the-query')],
  [['?'], () => t('these-keys')],
];

/** Listens for the key; returns the button of the header. */
export function shortcutsButton() {
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, textarea, select, [contenteditable]');
    if (event.key !== '?' || typing || event.ctrlKey || event.metaKey || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    show();
  });
  const name = t('keyboard-shortcuts');
  return h('button', { type: 'button', class: 'tool tool--keys', 'aria-label': name, title: `${name} (?)`, 'aria-haspopup': 'dialog', onclick: show }, icon('keys'));
}

function show() {
  const line = ([keys, words]) => h('div', { class: 'keys__line' }, h('dt', {}, keys.map((key) => h('kbd', {}, key))), h('dd', {}, words()));
  openDialog(t('keyboard-shortcuts'), h('dl', { class: 'keys' }, KEYS.map(line)), { look: 'box' });
}
