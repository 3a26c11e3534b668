/** What somebody unnamed has put together in this window: kept here alone, gone when the window is. */
const MOST = 50;
const items = new Map();
const changed = new EventTarget();

/** Calls `listener` after each change; returns the function that stops it. */
export function onBasketChange(listener) {
  changed.addEventListener('change', listener);
  return () => changed.removeEventListener('change', listener);
}

export const inBasket = (id) => items.has(id);

/** Items, oldest first. */
export const basket = () => [...items.values()];

/** Puts it in; the oldest goes where there are too many. */
export function putIntoBasket(item) {
  items.delete(item.id);
  items.set(item.id, item);
  if (items.size > MOST) items.delete(items.keys().next().value);
  changed.dispatchEvent(new Event('change'));
}

export function takeFromBasket(id) {
  items.delete(id);
  changed.dispatchEvent(new Event('change'));
}

export function emptyBasket() {
  items.clear();
  changed.dispatchEvent(new Event('change'));
}
