/** Like, not for me, seen: three buttons on a recommended item. */
import { asProblem } from './api.js';
import { h } from './dom.js';
import { tell } from './events.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

const KINDS = [
  ['liked', 'heart', () => t('like')],
  ['hidden', 'ban', () => t('not-for-me')],
  ['viewed', 'eye', () => t('seen-it')],
];

/** `ontold(kind, item)`: called when the server has taken it; `onfailed(problem)` when not. */
export function feedback(user, item, { ontold, onfailed }) {
  const bar = h('div', { class: 'feedback', role: 'group', 'aria-label': t('what-do-you-think-of-title', { title: item.title }) });
  const button = ([kind, picture, name]) =>
    h('button', { type: 'button', class: `feedback__button feedback__button--${kind}`, 'aria-label': `${name()}: ${item.title}`, title: name(), onclick: () => say(kind) }, icon(picture));
  bar.append(...KINDS.map(button));
  return bar;

  async function say(kind) {
    const buttons = [...bar.querySelectorAll('button')];
    for (const one of buttons) one.disabled = true;
    try {
      await tell(user, item.id, kind);
      bar.classList.add('feedback--told');
      ontold(kind, item);
    } catch (error) {
      for (const one of buttons) one.disabled = false;
      onfailed(asProblem(error));
    }
  }
}
