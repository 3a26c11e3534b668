/** A row of items that scrolls sideways: one stop of the Tab key, arrows move inside, buttons for the pointer. */
import { h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export function shelf(name, entries) {
  const list = h('ul', { class: 'shelf', 'aria-label': name, onkeydown: move, onfocusin: keep }, entries);
  links().forEach((link, place) => (link.tabIndex = place === 0 ? 0 : -1));
  const element = h('div', { class: 'shelf__frame' }, list, arrow('left', -1), arrow('right', 1));
  const watch = new ResizeObserver(ends);
  watch.observe(list);
  list.addEventListener('scroll', ends, { passive: true });
  return element;

  function links() {
    return [...list.querySelectorAll('.card__title a')];
  }

  function move(event) {
    const all = links();
    const at = all.indexOf(event.target);
    const to = { Home: 0, End: all.length - 1 }[event.key] ?? at + (STEPS[event.key] ?? Number.NaN);
    if (at < 0 || !all[to]) return;
    event.preventDefault();
    all[to].focus();
  }

  /** The link with the focus is the one that Tab comes back to. */
  function keep(event) {
    const all = links();
    if (!all.includes(event.target)) return;
    for (const link of all) link.tabIndex = link === event.target ? 0 : -1;
    event.target.closest('.card').scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  /** For the pointer alone: keys and screen readers have the arrows and the list. */
  function arrow(side, sign) {
    return h('button', { type: 'button', class: `shelf__arrow shelf__arrow--${side}`, tabindex: -1, 'aria-hidden': 'true', title: t('more'), onclick: () => list.scrollBy({ left: sign * list.clientWidth * 0.8, behavior: 'smooth' }) }, icon(side));
  }

  function ends() {
    if (!list.isConnected) return watch.disconnect();
    element.classList.toggle('shelf__frame--start', list.scrollLeft < 4);
    element.classList.toggle('shelf__frame--end', list.scrollLeft + list.clientWidth > list.scrollWidth - 4);
  }
}
