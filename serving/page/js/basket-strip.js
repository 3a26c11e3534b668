/** The strip at the foot of the window: what is in the basket, and what goes on with it, live. Nothing of it is kept. */
import { asProblem, isAborted } from './api.js';
import { basket, emptyBasket, onBasketChange, putIntoBasket, takeFromBasket } from './basket.js';
import { h, uniqueId } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { recommendToNewcomer } from './live-api.js';
import { replaceMoving } from './moving.js';
import { playlistAddress } from './playlist-address.js';
import { poster } from './poster.js';
import { here, itemAddress } from './router.js';
import { errorState } from './states.js';

const COUNT = 12;
const PAUSE = 60;

/** Appends itself to the page; shown while there is something in the basket. */
export function basketStrip() {
  const id = uniqueId('basket');
  const title = h('h2', { class: 'basket__title', id }, icon('basket'), h('span'));
  const chosen = h('ul', { class: 'basket__row', 'aria-label': t('in-the-basket') });
  const onward = h('ul', { class: 'basket__row', 'aria-label': t('goes-on-with-it') });
  const trouble = h('div');
  const status = h('p', { class: 'visually-hidden', role: 'status' });
  const list = h('a', { class: 'link', href: '#/playlists' }, t('as-a-playlist'));
  const fold = h('button', { type: 'button', class: 'basket__fold', 'aria-expanded': 'true', 'aria-label': t('show-the-basket'), onclick: () => folded(fold.getAttribute('aria-expanded') === 'true') }, icon('down'));
  const body = h('div', { class: 'basket__body', id: `${id}-body` }, half(t('in-the-basket'), chosen), half(t('goes-on-with-it'), onward, trouble));
  const element = h('section', { class: 'basket', 'aria-labelledby': id, hidden: true }, h('div', { class: 'basket__head' }, title, list, h('button', { type: 'button', class: 'link', onclick: emptied }, t('empty-it')), fold), body, status);
  let running = new AbortController();
  let timer = 0;
  fold.setAttribute('aria-controls', body.id);
  document.body.append(element);
  onBasketChange(changed);
  changed();

  function changed() {
    const items = basket();
    element.hidden = items.length === 0;
    title.lastChild.textContent = t('basket-n', { n: items.length });
    list.href = playlistAddress({ seeds: { items: items.map((item) => item.id) } });
    replaceMoving(chosen, items.toReversed().map((item) => entry(item, 'close', t('not-title', { title: item.title }), () => out(item))));
    clearTimeout(timer);
    running.abort();
    if (items.length > 0) timer = setTimeout(ask, PAUSE);
  }

  async function ask() {
    running = new AbortController();
    const { scenario } = here();
    const wish = { items: basket().map((item) => item.id), n: COUNT, ...(scenario && { scenario }) };
    try {
      const { items } = await recommendToNewcomer(wish, running.signal);
      trouble.replaceChildren();
      replaceMoving(onward, items.map(({ item }) => entry(item, 'plus', t('put-title-into-the-basket', { title: item.title }), () => more(item))));
      status.textContent = items.length > 0 ? t('goes-on-with-title', { title: items[0].item.title }) : t('nothing-to-recommend');
    } catch (error) {
      if (!isAborted(error)) trouble.replaceChildren(errorState(asProblem(error), ask, true));
    }
  }

  function out(item) {
    takeFromBasket(item.id);
    focusIn(chosen);
  }

  function more(item) {
    putIntoBasket(item);
    focusIn(chosen);
  }

  function emptied() {
    emptyBasket();
    document.getElementById('content').focus();
  }

  /** What had the focus is gone: the newest one takes it; with an empty basket the content does. */
  function focusIn(row) {
    (row.querySelector('button') ?? document.getElementById('content')).focus();
  }

  function folded(shut) {
    fold.setAttribute('aria-expanded', String(!shut));
    body.hidden = shut;
  }
}

const half = (name, ...children) => h('div', { class: 'basket__half' }, h('h3', { class: 'basket__name' }, name), children);

function entry(item, picture, name, act) {
  return h(
    'li',
    { class: 'basket__item', 'data-item': item.id },
    h('a', { class: 'basket__link', href: itemAddress({ item: item.id }), title: item.title }, poster(item), h('span', { class: 'basket__words' }, item.title)),
    h('button', { type: 'button', class: 'basket__act', 'aria-label': name, title: name, onclick: act }, icon(picture)),
  );
}
