/**
 * Addresses of the page: `#/users/ID`, `#/items/ID`, `#/users/ID/items/ID` (an item as one user sees it), `#/query` (with
 * `?cypher=…&parameters=…` what stands in the editor), `#/refresh`.
 */

const VIEW = /^#\/(?<view>query|refresh)\/?(?:\?(?<search>.*))?$/;
const PATTERN = /^#\/(?:users\/(?<user>[^/]+)\/?)?(?:items\/(?<item>[^/]+))?\/?$/;

/** {user, item, view, search, known}: ids or null; `known` is false for an address that means nothing. */
export function parse(hash) {
  const found = VIEW.exec(hash)?.groups;
  if (found) return { user: null, item: null, view: found.view, search: new URLSearchParams(found.search), known: true };
  if (hash === '' || hash === '#') return { user: null, item: null, known: true };
  const groups = PATTERN.exec(hash)?.groups;
  try {
    return { user: decode(groups?.user), item: decode(groups?.item), known: groups !== undefined };
  } catch (error) {
    if (error instanceof URIError) return { user: null, item: null, known: false };
    throw error;
  }
}

const decode = (part) => (part ? decodeURIComponent(part) : null);

export function address({ user = null, item = null }) {
  const parts = [];
  if (user) parts.push('users', encodeURIComponent(user));
  if (item) parts.push('items', encodeURIComponent(item));
  return `#/${parts.join('/')}`;
}

/** The address of the query view with this query in the editor. */
export function queryAddress(cypher, parameters = {}) {
  const search = new URLSearchParams({ cypher });
  if (Object.keys(parameters).length > 0) search.set('parameters', JSON.stringify(parameters));
  return `#/query?${search}`;
}

/** The place the page is at now. */
export const here = () => parse(location.hash);

export function go(place) {
  location.hash = address(place);
}
