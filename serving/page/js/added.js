/** Items put from this page: what they can be found by, and a way to take them out again. */
import { asProblem } from './api.js';
import { h } from './dom.js';
import { list, t } from './i18n.js';
import { deleteItem, putItem } from './live-api.js';
import { errorState } from './states.js';

const MARK = 'new-';
const NAMES = { text: t('its-words'), image: t('its-picture'), audio: t('its-sound'), graph: t('its-attributes') };
const answers = new Map();
const changed = new EventTarget();

/** Calls `listener` when an item was put or deleted here; returns the function that stops it. */
export function onItemsChange(listener) {
  changed.addEventListener('change', listener);
  return () => changed.removeEventListener('change', listener);
}

const announce = () => changed.dispatchEvent(new Event('change'));

export const isAdded = (id) => id.slice(id.indexOf(':') + 1).startsWith(MARK);

/** The item as the server answered when it was put: other workers know it a moment later. */
export const justAdded = (id) => answers.get(id)?.item ?? null;

/** An id that nobody has; works without a secure context, where `randomUUID` is missing. */
export function newId(platform) {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `${platform}:${MARK}${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** Puts it; resolves to the item as it is now. */
export async function add(id, item) {
  const answer = await putItem(id, item);
  answers.set(id, answer);
  announce();
  return answer.item;
}

export async function remove(id) {
  await deleteItem(id);
  answers.delete(id);
  announce();
}

/** `close`: what to do when the item is gone. */
export function addedSection({ id, title }, close) {
  const trouble = h('div');
  const confirm = h('div', { class: 'added__confirm', role: 'group', 'aria-label': t('delete-title', { title }), hidden: true });
  const first = h('button', { type: 'button', class: 'button', onclick: () => turn(true) }, t('delete-it'));
  const really = h('button', { type: 'button', class: 'button button--danger', onclick: take }, t('delete-for-good'));
  const keep = h('button', { type: 'button', class: 'button', onclick: () => turn(false) }, t('keep-it'));
  confirm.append(h('span', {}, t('it-goes-from-every-list-and')), really, keep);
  return h('section', { class: 'panel__section added' }, h('h3', {}, t('added-by-hand')), foundBy(answers.get(id)), first, confirm, trouble);

  function turn(asking) {
    [first.hidden, confirm.hidden] = [asking, !asking];
    (asking ? keep : first).focus();
  }

  async function take() {
    really.disabled = true;
    try {
      await remove(id);
      close();
    } catch (error) {
      trouble.replaceChildren(errorState(asProblem(error), null, true));
      really.disabled = false;
    }
  }
}

function foundBy(answer) {
  if (!answer) return h('p', { class: 'soft' }, t('somebody-put-it-here-between-two'));
  const { vectors, missing, recommended } = answer;
  const ways = vectors.map((name) => NAMES[name] ?? name);
  const lacking = Object.entries(missing).map(([name, why]) => h('p', { class: 'soft small' }, t('not-yet-by-way-why', { way: NAMES[name] ?? name, why })));
  return [
    h('p', {}, ways.length > 0 ? t('found-at-once-by-ways', { ways: list(ways) }) : t('found-by-its-title-by-meaning')),
    recommended && h('p', { class: 'soft' }, t('it-is-recommended-to-those-who')),
    lacking,
  ];
}
