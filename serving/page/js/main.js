/** Starts the page: the header once, then a page for each address. */
import { asProblem } from './api.js';
import { onBasketChange } from './basket.js';
import { homePage } from './home-page.js';
import { modelsTool } from './models.js';
import { navigation } from './navigation.js';
import { here } from './router.js';
import { searchBox } from './search.js';
import { errorState } from './states.js';
import { themeButton } from './theme.js';
import { userPage } from './user-page.js';
import { h } from './dom.js';
import { languageButton, t } from './i18n.js';
import { shortcutsButton } from './shortcuts.js';

const content = document.getElementById('content');
const nav = navigation();
let panel = null;
let shown = { place: undefined, page: null };

/** Views beside the browsing one, each loaded when it is first opened. */
const VIEWS = {
  discover: async (search) => (await import('./discover-page.js')).discoverPage(search),
  playlists: async (search) => (await import('./playlists-page.js')).playlistsPage(search),
  new: async () => (await import('./newcomer-page.js')).newcomerPage(),
  query: async (search) => (await import('./query-page.js')).queryPage(search),
  models: async () => (await import('./models-page.js')).modelsPage(),
  refresh: async () => (await import('./refresh-page.js')).refreshPage(),
};

document.getElementById('nav').append(nav.element);
document.getElementById('search').append(searchBox());
document.getElementById('tools').append(...modelsTool(), shortcutsButton(), languageButton(), themeButton());
document.getElementById('nav').setAttribute('aria-label', t('views'));
const skipLink = document.getElementById('skip');
skipLink.textContent = t('skip-to-the-content');
skipLink.addEventListener('click', skip);
addEventListener('hashchange', () => show(true));
const stop = onBasketChange(() => (stop(), firstInBasket()));
show(false);

async function show(moved) {
  const { user, item, view, search, scenario, known } = here();
  nav.mark(view ?? 'browse');
  if (view) return showView({ view, search, item }, moved);
  const place = known ? `user ${user ?? ''}` : 'unknown';
  if (place !== shown.place) turnTo(place, known ? pageOf(user) : lostPage(), moved && !item);
  else shown.page.turn?.(scenario);
  if (item) openItem(item, user, shown.page.reasonFor);
  else panel?.close();
}

/** The panel comes when an item is first opened: the first view does not wait for it. */
async function openItem(item, user, reasonFor) {
  const { itemPanel } = await import('./item-panel.js');
  panel ??= itemPanel(document.getElementById('panel'));
  if (here().item === item) panel.open(item, user, reasonFor);
}

/** The strip comes with the first thing that is put into the basket. */
async function firstInBasket() {
  (await import('./basket-strip.js')).basketStrip();
}

async function showView({ view, search, item }, moved) {
  if (item) openItem(item, null);
  else panel?.close();
  const place = `view ${view}`;
  if (place === shown.place) return shown.page.revisit?.(search);
  shown.page?.leave?.();
  shown = { place, page: {} };
  try {
    const page = await VIEWS[view](search);
    if (shown.place === place) turnTo(place, page, moved && !item);
    else page.leave?.();
  } catch (error) {
    turnTo(place, failedPage(error), moved);
  }
}

function pageOf(user) {
  return user ? userPage(user) : homePage();
}

function turnTo(place, page, moved) {
  shown.page?.leave?.();
  shown = { place, page };
  content.replaceChildren(page.element);
  document.title = page.title;
  scrollTo(0, 0);
  if (moved) content.focus({ preventScroll: true });
}

function failedPage(error) {
  return { element: h('div', {}, errorState(asProblem(error), () => location.reload(), false, 'h1')), title: 'Interlace', reasonFor: async () => null };
}

function lostPage() {
  const detail = t('address-is-no-address-of-this', { address: location.hash });
  const problem = { title: t('nothing-here'), detail, valid: '#/users/ID, #/items/ID, #/discover, #/playlists, #/new, #/query, #/models, #/refresh', remedy: t('choose-a-user-or-an-item') };
  const state = errorState(problem, null, false, 'h1');
  return { element: h('div', {}, state), title: `${t('nothing-here')} · Interlace`, reasonFor: async () => null };
}

/** The addresses after # are the router's, so the skip link moves the focus itself. */
function skip(event) {
  event.preventDefault();
  content.focus();
}
