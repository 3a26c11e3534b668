/** A list that changes before one's eyes: what stays moves to its new place, what is new fades in. */
const LENGTH = 360;
const STILL = matchMedia('(prefers-reduced-motion: reduce)');

/** Puts `entries` (elements with `data-item`) into `list` in place of what is there; returns how many are new. */
export function replaceMoving(list, entries) {
  const before = new Map([...list.children].map((one) => [one.dataset.item, one.getBoundingClientRect()]));
  list.replaceChildren(...entries);
  let fresh = 0;
  for (const entry of entries) {
    const was = before.get(entry.dataset.item);
    if (!was) fresh += 1;
    if (!STILL.matches) entry.animate(was ? from(was, entry.getBoundingClientRect()) : APPEAR, { duration: LENGTH, easing: 'cubic-bezier(.2, .8, .2, 1)' });
  }
  return fresh;
}

const APPEAR = [{ opacity: 0, transform: 'scale(.92)' }, { opacity: 1, transform: 'none' }];

const from = (was, is) => [{ transform: `translate(${was.left - is.left}px, ${was.top - is.top}px)` }, { transform: 'none' }];
