/** The views of the page, in the header. */
import { h } from './dom.js';

const VIEWS = [
  ['browse', '#/', 'Browse'],
  ['discover', '#/discover', 'Discover'],
  ['new', '#/new', 'New here'],
  ['query', '#/query', 'Query'],
  ['refresh', '#/refresh', 'Refresh'],
];

export function navigation() {
  const links = new Map(VIEWS.map(([view, href, name]) => [view, h('a', { class: 'views__link', href }, name)]));
  const element = h('div', { class: 'views' }, [...links.values()]);
  return { element, mark };

  function mark(current) {
    for (const [view, link] of links) {
      if (view === current) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }
}
