/** Items put from this page: what they can be found by, and a way to take them out again. */
import { asProblem } from './api.js';
import { h } from './dom.js';
import { deleteItem, putItem } from './live-api.js';
import { errorState } from './states.js';

const MARK = 'new-';
const NAMES = { text: 'its words', image: 'its picture', audio: 'its sound', graph: 'its attributes' };
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

export async function add(id, item) {
  answers.set(id, await putItem(id, item));
  announce();
}

/** `close`: what to do when the item is gone. */
export function addedSection({ id, title }, close) {
  const trouble = h('div');
  const confirm = h('div', { class: 'added__confirm', role: 'group', 'aria-label': `Delete ${title}`, hidden: true });
  const remove = h('button', { type: 'button', class: 'button', onclick: () => turn(true) }, 'Delete it');
  const really = h('button', { type: 'button', class: 'button button--danger', onclick: take }, 'Delete for good');
  const keep = h('button', { type: 'button', class: 'button', onclick: () => turn(false) }, 'Keep it');
  confirm.append(h('span', {}, 'It goes from every list and from the graph.'), really, keep);
  return h('section', { class: 'panel__section added' }, h('h3', {}, 'Added by hand'), foundBy(answers.get(id)), remove, confirm, trouble);

  function turn(asking) {
    [remove.hidden, confirm.hidden] = [asking, !asking];
    (asking ? keep : remove).focus();
  }

  async function take() {
    really.disabled = true;
    try {
      await deleteItem(id);
      answers.delete(id);
      announce();
      close();
    } catch (error) {
      trouble.replaceChildren(errorState(asProblem(error), null, true));
      really.disabled = false;
    }
  }
}

function foundBy(answer) {
  if (!answer) return h('p', { class: 'soft' }, 'Somebody put it here between two refreshes.');
  const { vectors, missing, recommended } = answer;
  const ways = vectors.map((name) => NAMES[name] ?? name);
  const lacking = Object.entries(missing).map(([name, why]) => h('p', { class: 'soft small' }, `Not yet by ${NAMES[name] ?? name}: ${why}.`));
  return [
    h('p', {}, ways.length > 0 ? `Found at once by ${new Intl.ListFormat('en').format(ways)}.` : 'Found by its title; by meaning after the next refresh.'),
    recommended && h('p', { class: 'soft' }, 'It is recommended to those who like what it is like.'),
    lacking,
  ];
}
