/** Addresses of the page: `#/users/ID`, `#/items/ID`, `#/users/ID/items/ID` (an item as one user sees it). */

const PATTERN = /^#\/(?:users\/(?<user>[^/]+)\/?)?(?:items\/(?<item>[^/]+))?\/?$/;

/** {user, item, known}: ids or null; `known` is false for an address that means nothing. */
export function parse(hash) {
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

/** The place the page is at now. */
export const here = () => parse(location.hash);

export function go(place) {
  location.hash = address(place);
}
