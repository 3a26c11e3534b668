/** The one box of the Discover view: a sentence, a picture, an item that the others shall be like. */
import { getItem } from './api.js';
import { h, uniqueId } from './dom.js';
import { nativeId } from './format.js';
import { icon } from './icons.js';
import { pictureField } from './picture-field.js';

/** `onask`: called when one asks. The picture stays here; sentence and item are in the address. */
export function discoverBox(onask) {
  const id = uniqueId('sentence');
  const sentence = h('input', { class: 'ask__sentence', id, type: 'search', maxlength: 2000, autocomplete: 'off', placeholder: 'What are you in the mood for?', 'aria-describedby': `${id}-note` });
  const picture = pictureField({ zone: document, onchange: onask, name: 'Picture' });
  const like = h('div', { class: 'ask__like', hidden: true });
  const go = h('button', { type: 'submit', class: 'button button--main' }, 'Discover');
  const bar = h('div', { class: 'ask__bar' }, picture.button, h('span', { class: 'ask__note soft small', id: `${id}-note` }, 'A sentence, a picture (drop or paste one), or both'), go);
  const element = h(
    'form',
    { class: 'ask', role: 'search', 'aria-label': 'Discover', onsubmit: submit },
    h('div', { class: 'ask__row' }, picture.preview, like, h('label', { class: 'visually-hidden', for: id }, 'Sentence'), sentence),
    bar,
    picture.trouble,
  );
  let likeId = null;
  return { element, show, parameters, picture: picture.picture, leave: picture.leave, focus: () => sentence.focus() };

  function submit(event) {
    event.preventDefault();
    onask();
  }

  function parameters() {
    return { q: sentence.value.trim(), like: likeId };
  }

  /** Puts the box as an address says. */
  function show({ q = '', like: wished = null }) {
    if (sentence.value.trim() !== q) sentence.value = q;
    if (wished !== likeId) showLike(wished);
  }

  async function showLike(wished) {
    likeId = wished;
    like.hidden = !wished;
    if (!wished) return;
    const name = h('span', {}, nativeId(wished));
    like.replaceChildren(h('span', { class: 'soft' }, 'Like '), name, h('button', { type: 'button', class: 'ask__unlike', 'aria-label': 'Not like it', onclick: unlike }, icon('close')));
    name.textContent = await getItem(wished).then(({ title }) => title, () => nativeId(wished));
  }

  function unlike() {
    showLike(null);
    sentence.focus();
    onask();
  }
}
