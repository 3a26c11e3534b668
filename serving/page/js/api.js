/** The HTTP API as functions. Every failure is a `Problem` with what to say and what to do. */
import { withKey } from './sign-in.js';

import { language, t } from './i18n.js';

const BASE = '/v1';
const NO_CONTENT = 204;
const PLAIN = { accept: 'application/json', 'accept-language': language };

export class Problem extends Error {
  constructor({ title, detail, valid = '', remedy = '', status = 0 }) {
    super(detail || title);
    Object.assign(this, { title, detail, valid, remedy, status });
  }
}

/** What to show for any error; one that is no `Problem` is a bug of the page and goes to the console too. */
export function asProblem(error) {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem({
    title: t('the-page-failed'),
    detail: String(error),
    remedy: t('reload-it-if-it-happens-again'),
  });
}

export const isAborted = (error) => error?.name === 'AbortError';

/** A list among the parameters is sent as one parameter for each of its values. */
export async function get(parts, params = {}, signal = undefined) {
  const path = [BASE, ...parts.map(encodeURIComponent)].join('/');
  const pairs = Object.entries(params).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  const query = new URLSearchParams(pairs).toString();
  const response = await reach(query ? `${path}?${query}` : path, signal);
  const body = await parse(response);
  if (!response.ok) throw new Problem({ title: `HTTP ${response.status}`, ...body, status: response.status });
  return body;
}

async function reach(address, signal, options = {}) {
  try {
    return await withKey(address, { signal, headers: PLAIN, ...options });
  } catch (error) {
    if (isAborted(error)) throw error;
    throw new Problem({
      title: t('no-answer-from-the-server'),
      detail: t('address-cannot-be-reached', { address }),
      remedy: t('check-that-interlace-serve-is-running'),
    });
  }
}

/** Sends a body as JSON; resolves to what is answered, null where nothing is. */
export async function send(method, parts, wish, signal = undefined) {
  const headers = { ...PLAIN, 'content-type': 'application/json' };
  const path = [BASE, ...parts.map(encodeURIComponent)].join('/');
  const response = await reach(path, signal, { method, headers, ...(wish !== undefined && { body: JSON.stringify(wish) }) });
  if (response.status === NO_CONTENT) return null;
  const body = await parse(response);
  if (!response.ok) throw new Problem({ title: `HTTP ${response.status}`, ...body, status: response.status });
  return body;
}

/** Sends a query; resolves to the response, an error of the API or of the query to a `Problem`. */
async function ask(body, accept, signal) {
  const headers = { ...PLAIN, accept, 'content-type': 'application/json' };
  const response = await reach(`${BASE}/cypher`, signal, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Problem({ title: `HTTP ${response.status}`, ...(await parse(response)), status: response.status });
  return response;
}

async function parse(response) {
  try {
    return await response.json();
  } catch (error) {
    if (isAborted(error)) throw error;
    throw new Problem({
      title: t('an-answer-that-is-no-json'),
      detail: t('address-answered-status-with-something-else', { address: response.url, status: String(response.status) }),
      remedy: t('check-that-nothing-between-this-page'),
      status: response.status,
    });
  }
}

export const findUsers = (query, limit, signal) => get(['users'], { query, limit }, signal).then((body) => body.users);
export const findItems = (query, limit, signal) => get(['items'], { query, limit }, signal).then((body) => body.items);
export const getUser = (id, limit) => get(['users', id], { limit });
export const getItem = (id) => get(['items', id]);
export const getRecommendations = (id, n, explain) => get(['users', id, 'recommendations'], { n, explain, ...(explain && { lang: language }) });
export const getSimilar = (id, modality, n) => get(['items', id, 'similar'], { modality, n }).then((body) => body.items);
/** {items, mix, ways}: `mix` as `text:0.5,graph:0.2`, or `even`. */
export const getMixed = (id, mix, n, signal) => get(['items', id, 'similar'], { mix, n }, signal);
/** Items taken together with this one, instead of it or beside it, each with its reason. */
export const getRelated = (id, relation, n) => get(['items', id, 'related'], { relation, n, lang: language }).then((body) => body.items);
export const getNeighbourhood = (label, id, limit) => get(['graph', label, id], { limit });
export const getScenarios = () => get(['scenarios']).then((body) => body.scenarios);
/** The shelves of a scenario for a user. */
export const getHome = (id, scenario) => get(['users', id, 'home'], { scenario, lang: language });
export const getSession = () => get(['session']);
export const getModels = () => get(['models']).then((body) => body.models);
export const getSchema = (signal) => get(['graph', 'schema'], {}, signal);
export const downloadCypher = async (body, accept) => (await ask(body, accept)).blob();

/** {columns, rows, types, truncated, seconds}; a query that fails on its way is a `Problem` as one that fails at once. */
export async function runCypher(body, signal) {
  const answer = await parse(await ask(body, 'application/json', signal));
  if (answer.error) throw new Problem(answer.error);
  return answer;
}

export const getRefreshRuns = (limit, signal) => get(['refresh-runs'], { limit }, signal).then((body) => body.runs);

/** {id, location} of the run that began; a `Problem` of status 409 while another one goes on. */
export const startRefresh = (wish) => send('POST', ['refresh-runs'], wish);
