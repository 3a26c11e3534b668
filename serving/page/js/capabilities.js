/** What this server can do, as its own description says: parts of the page wait for their route. Asked for once. */
import { get } from './api.js';

export const EVENTS = ['post', '/v1/events'];
export const WHAT_IF = ['post', '/v1/explanations/what-if'];
export const PROFILE = ['get', '/v1/users/{id}/profile'];
export const CONSENT = ['get', '/v1/users/{id}/consent'];
export const RELATED = ['get', '/v1/items/{id}/related'];
export const USER_EDIT = ['put', '/v1/users/{id}'];

let asked = null;

/** `can('post', '/v1/events')`: false, too, where the description cannot be had. */
export async function can(method, path) {
  asked ??= get(['openapi.json']).then(({ paths }) => paths, () => ((asked = null), {}));
  return method in ((await asked)[path] ?? {});
}

/** Appends to `place` what `make` gives, once it is known that the server has the route. */
export async function whenCan([method, path], place, make) {
  if (await can(method, path)) place.append(...[make()].flat().filter(Boolean));
}
