/**
 * Addresses of the page: `#/users/ID`, `#/items/ID`, `#/users/ID/items/ID` (an item as one user sees it), each with
 * `?scenario=NAME` where a user's page is that of a scenario, `#/query` (with
 * `?cypher=…&parameters=…` what stands in the editor), `#/models`, `#/refresh`, `#/discover` (with `?q=…` what is searched for),
 * `#/playlists` (`playlist-address.js`) and `#/new`. On the last three `item=ID` opens an item above the view.
 */

const VIEW = /^#\/(?<view>discover|playlists|new|query|models|refresh)\/?(?:\?(?<search>.*))?$/;
const ITEM_VIEWS = new Set(['discover', 'playlists', 'new']);
const PATTERN = /^#\/(?:users\/(?<user>[^/?]+)\/?)?(?:items\/(?<item>[^/?]+))?\/?(?:\?(?<search>.*))?$/;

/** {user, item, view, search, scenario, known}: ids or null; `known` is false for an address that means nothing. */
export function parse(hash) {
  const found = VIEW.exec(hash)?.groups;
  if (found) {
    const search = new URLSearchParams(found.search);
    return { user: null, item: ITEM_VIEWS.has(found.view) ? search.get('item') : null, view: found.view, search, known: true };
  }
  if (hash === '' || hash === '#') return { user: null, item: null, known: true };
  const groups = PATTERN.exec(hash)?.groups;
  try {
    const scenario = new URLSearchParams(groups?.search).get('scenario');
    return { user: decode(groups?.user), item: decode(groups?.item), scenario, known: groups !== undefined };
  } catch (error) {
    if (error instanceof URIError) return { user: null, item: null, known: false };
    throw error;
  }
}

const decode = (part) => (part ? decodeURIComponent(part) : null);

/** `scenario`: the one that is chosen now, unless another one is named; null for none. */
export function address({ user = null, item = null, scenario = here().scenario }) {
  const parts = [];
  if (user) parts.push('users', encodeURIComponent(user));
  if (item) parts.push('items', encodeURIComponent(item));
  const search = scenario ? `?${new URLSearchParams({ scenario })}` : '';
  return `#/${parts.join('/')}${search}`;
}

/** The address of a view; parameters without a value are left out. */
export function viewAddress(view, parameters = {}) {
  const search = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();
  return search ? `#/${view}?${search}` : `#/${view}`;
}

/** Where an item opens: above the view that one is at, if that shows items, else on the browsing pages. */
export function itemAddress({ user = null, item }) {
  const { view, search } = here();
  return ITEM_VIEWS.has(view) ? viewAddress(view, { ...Object.fromEntries(search), item }) : address({ user, item });
}

/** Where one is when the item is closed. */
export function addressBehind() {
  const { view, search, user } = here();
  return view ? viewAddress(view, { ...Object.fromEntries(search), item: null }) : address({ user });
}

/** The address of the query view with this query in the editor. */
export function queryAddress(cypher, parameters = {}) {
  const search = new URLSearchParams({ cypher });
  if (Object.keys(parameters).length > 0) search.set('parameters', JSON.stringify(parameters));
  return `#/query?${search}`;
}

/** The place the page is at now. */
export const here = () => parse(location.hash);
