/** "What is this?": labels that fit a sentence or a picture, where the catalogue can tell. */
import { Problem, isAborted } from './api.js';
import { h, uniqueId } from './dom.js';
import { number, t } from './i18n.js';
import { classify } from './live-api.js';

const TOP = 5;
const LEAST = 0.05;
/** No tags, no encoder: it will not be there for the next thing of this sort either. */
const CANNOT = new Set([404, 501]);

export function guesses() {
  const id = uniqueId('guesses');
  const list = h('ul', { class: 'guesses__list', 'aria-labelledby': id });
  const note = h('span', { class: 'soft small' });
  const title = h('h2', { class: 'guesses__title', id });
  const element = h('div', { class: 'guesses', hidden: true }, title, list, note);
  const unable = new Set();
  return { element, show, hide };

  function hide() {
    element.hidden = true;
  }

  /** `thing`: {text, image} of the API. What cannot be told is left out: the search is what was asked for. */
  async function show(thing, signal) {
    hide();
    const sort = Object.keys(thing).join();
    if (sort === '' || unable.has(sort)) return;
    try {
      title.textContent = thing.image ? t('what-is-this') : t('this-sounds-like');
      tell(await classify({ ...thing, top: TOP }, signal));
    } catch (error) {
      if (!isAborted(error) && !(error instanceof Problem)) throw error;
      if (CANNOT.has(error.status)) unable.add(sort);
    }
  }

  function tell({ labels, calibrated }) {
    const telling = labels.filter(({ confidence }) => confidence >= LEAST);
    list.replaceChildren(...telling.map(guess));
    note.textContent = calibrated ? t('how-likely-each-is') : t('share-of-the-catalogue-that-it');
    element.hidden = telling.length === 0;
  }
}

function guess({ label, confidence }) {
  return h('li', { class: 'guess', vars: { '--part': confidence } }, h('span', {}, label), ' ', h('span', { class: 'guess__part' }, number(confidence, { style: 'percent', maximumFractionDigits: 0 })));
}
