/** The views of the page, in the header. */
import { h } from './dom.js';
import { t } from './i18n.js';

const VIEWS = [
  ['browse', '#/', t('browse')],
  ['discover', '#/discover', t('discover')],
  ['playlists', '#/playlists', t('playlists')],
  ['new', '#/new', t('new-here')],
  ['query', '#/query', t('query')],
  ['models', '#/models', t('models')],
  ['refresh', '#/refresh', t('refresh')],
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
