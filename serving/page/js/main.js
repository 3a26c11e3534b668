/** Starts the page: the header once, then a page for each address. */
import { homePage } from './home-page.js';
import { itemPanel } from './item-panel.js';
import { modelsTool } from './models.js';
import { here } from './router.js';
import { searchBox } from './search.js';
import { errorState } from './states.js';
import { themeButton } from './theme.js';
import { userPage } from './user-page.js';
import { h } from './dom.js';

const content = document.getElementById('content');
const panel = itemPanel(document.getElementById('panel'));
let shown = { user: undefined, page: null };

document.getElementById('search').append(searchBox());
document.getElementById('tools').append(...modelsTool(), themeButton());
document.getElementById('skip').addEventListener('click', skip);
addEventListener('hashchange', () => show(true));
show(false);

function show(moved) {
  const { user, item, known } = here();
  const place = known ? user : 'unknown';
  if (place !== shown.user) turnTo(place, known ? pageOf(user) : lostPage(), moved && !item);
  if (item) panel.open(item, user, shown.page.reasonFor);
  else panel.close();
}

function pageOf(user) {
  return user ? userPage(user) : homePage();
}

function turnTo(user, page, moved) {
  shown = { user, page };
  content.replaceChildren(page.element);
  document.title = page.title;
  scrollTo(0, 0);
  if (moved) content.focus({ preventScroll: true });
}

function lostPage() {
  const detail = `${location.hash} is no address of this page`;
  const state = errorState({ title: 'Nothing here', detail, valid: '#/users/ID, #/items/ID', remedy: 'Choose a user or an item in the search above' });
  return { element: h('div', {}, state), title: 'Nothing here · Interlace', reasonFor: async () => null };
}

/** The addresses after # are the router's, so the skip link moves the focus itself. */
function skip(event) {
  event.preventDefault();
  content.focus();
}
