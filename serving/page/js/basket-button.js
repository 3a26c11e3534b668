/** A button that puts an item into the basket, or takes it out again; it follows what is done elsewhere. */
import { inBasket, onBasketChange, putIntoBasket, takeFromBasket } from './basket.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

/** For the pointer, on a card: the item's panel has the same for keys and screen readers. */
export function cardBasketButton(item) {
  const button = h('button', { type: 'button', class: 'feedback__button card__put', tabindex: -1, 'aria-hidden': 'true', onclick: () => flip(item) });
  follow(button, () => {
    const there = inBasket(item.id);
    button.title = there ? t('out-of-the-basket') : t('into-the-basket');
    button.replaceChildren(icon(there ? 'check' : 'plus'));
  });
  return button;
}

export function panelBasketButton(item) {
  const button = h('button', { type: 'button', class: 'button', onclick: () => flip(item) });
  const words = h('span');
  button.append(icon('basket'), words, h('span', { class: 'visually-hidden' }, `: ${item.title}`));
  follow(button, () => {
    button.setAttribute('aria-pressed', String(inBasket(item.id)));
    words.textContent = inBasket(item.id) ? t('in-the-basket') : t('into-the-basket');
  });
  return button;
}

function flip(item) {
  if (inBasket(item.id)) takeFromBasket(item.id);
  else putIntoBasket(item);
}

/** Until the button has left the page. */
function follow(button, dress) {
  dress();
  const stop = onBasketChange(() => (button.isConnected ? dress() : stop()));
}
