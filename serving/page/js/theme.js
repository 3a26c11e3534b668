/** Theme: as the system has it, light, or dark; the choice is remembered. */
import { h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

const KEY = 'interlace-theme';
const CHOICES = ['auto', 'light', 'dark'];
const NAMES = { auto: t('theme-as-the-system'), light: t('theme-light'), dark: t('theme-dark') };
const root = document.documentElement;
const changed = new EventTarget();

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', announce);

const current = () => root.dataset.theme ?? 'auto';

function announce() {
  changed.dispatchEvent(new Event('change'));
}

/** Calls `listener` when colours change; returns the function that stops it. */
export function onThemeChange(listener) {
  changed.addEventListener('change', listener);
  return () => changed.removeEventListener('change', listener);
}

function choose(choice) {
  if (choice === 'auto') delete root.dataset.theme;
  else root.dataset.theme = choice;
  remember(choice);
  announce();
}

function remember(choice) {
  try {
    if (choice === 'auto') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch (error) {
    console.info('The theme is kept until the page closes: this browser forbids storage.', error);
  }
}

export function themeButton() {
  const button = h('button', { type: 'button', class: 'tool', onclick: next });
  dress();
  return button;

  function next() {
    choose(CHOICES[(CHOICES.indexOf(current()) + 1) % CHOICES.length]);
    dress();
  }

  function dress() {
    const name = NAMES[current()];
    button.replaceChildren(icon(current()));
    button.setAttribute('aria-label', name);
    button.title = name;
  }
}
