/** Dialogs: a drawer or a box with a title and a way out; Escape, the cross and the backdrop close it, the focus returns. */
import { h, uniqueId } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

/** Shows it; returns {dialog, close}. `look`: more classes. `onleave` is called once it is closed. */
export function openDialog(title, children, { look = 'panel panel--form', onleave = () => {} } = {}) {
  const id = uniqueId('dialog');
  const dialog = h('dialog', { class: look, 'aria-labelledby': id, onclose: () => (onleave(), dialog.remove()) });
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  const close = h('button', { type: 'button', class: 'panel__close', 'aria-label': t('close'), onclick: () => dialog.close() }, icon('close'));
  dialog.append(close, h('div', { class: 'panel__body' }, h('h2', { class: 'detail__title', id, tabindex: -1 }, title), children));
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector(`#${id}`).focus();
  return { dialog, close: () => dialog.close() };
}
