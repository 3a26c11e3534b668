/** The one box of the Discover view: a sentence, a picture, an item that the others shall be like. */
import { getItem } from './api.js';
import { h, uniqueId } from './dom.js';
import { t } from './i18n.js';
import { nativeId } from './format.js';
import { icon } from './icons.js';
import { pictureField } from './picture-field.js';

/** `onask`: called when one asks. The picture stays here; sentence and item are in the address. */
export function discoverBox(onask) {
  const id = uniqueId('sentence');
  const sentence = h('input', { class: 'ask__sentence', id, type: 'search', maxlength: 2000, autocomplete: 'off', placeholder: t('what-are-you-in-the-mood'), 'aria-describedby': `${id}-note` });
  const picture = pictureField({ zone: document, onchange: onask, name: t('picture') });
  const like = h('div', { class: 'ask__like', hidden: true });
  const go = h('button', { type: 'submit', class: 'button button--main' }, t('discover'));
  const bar = h('div', { class: 'ask__bar' }, picture.button, h('span', { class: 'ask__note soft small', id: `${id}-note` }, t('a-sentence-a-picture-drop-or')), go);
  const element = h(
    'form',
    { class: 'ask', role: 'search', 'aria-label': t('discover'), onsubmit: submit },
    h('div', { class: 'ask__row' }, picture.preview, like, h('label', { class: 'visually-hidden', for: id }, t('sentence')), sentence),
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
    like.replaceChildren(h('span', { class: 'soft' }, t('alike-to'), ' '), name, h('button', { type: 'button', class: 'ask__unlike', 'aria-label': t('not-like-it'), onclick: unlike }, icon('close')));
    name.textContent = await getItem(wished).then(({ title }) => title, () => nativeId(wished));
  }

  function unlike() {
    showLike(null);
    sentence.focus();
    onask();
  }
}
