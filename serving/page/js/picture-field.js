/** A picture by button, drop or paste, with a preview that can be taken away again. */
import { asProblem } from './api.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { drawnPicture, readPicture } from './picture.js';

const PREVIEW = 88;

/**
 * `zone`: where pictures may be dropped and pasted (an element, or the document, where open dialogs are left alone);
 * `onchange`: called when there is another picture, or none. `leave` gives the zone back.
 */
export function pictureField({ zone, onchange = () => {}, name = t('picture') }) {
  const left = new AbortController();
  const input = h('input', { type: 'file', accept: 'image/*', hidden: true, 'aria-label': name, onchange: chosen });
  const button = h('button', { type: 'button', class: 'button', onclick: () => input.click() }, icon('picture'), name);
  const preview = h('div', { class: 'preview', hidden: true });
  const trouble = h('p', { class: 'field__trouble', role: 'alert' });
  let picture = null;
  let latest = 0;
  for (const [event, listener] of Object.entries({ dragover, dragleave, drop, paste })) zone.addEventListener(event, listener, { signal: left.signal });
  return { button: [button, input], preview, trouble, picture: () => picture, clear, leave: () => left.abort() };

  async function take(file) {
    const mine = (latest += 1);
    trouble.replaceChildren();
    try {
      const found = await readPicture(file);
      if (mine === latest) put(found);
    } catch (error) {
      const { detail, remedy } = asProblem(error);
      if (mine === latest) trouble.textContent = `${detail}. ${remedy}.`;
    }
  }

  function put(found) {
    picture = found;
    const remove = h('button', { type: 'button', class: 'preview__remove', 'aria-label': t('remove-name', { name: found.name }), onclick: () => (clear(), button.focus(), onchange()) }, icon('close'));
    preview.replaceChildren(drawnPicture(found, PREVIEW), remove);
    preview.hidden = false;
    onchange();
  }

  function clear() {
    latest += 1;
    picture = null;
    preview.hidden = true;
    preview.replaceChildren();
    trouble.replaceChildren();
  }

  function chosen() {
    const [file] = input.files;
    if (file) take(file);
    input.value = '';
  }

  /** Not ours: what happens in a dialog above the page. */
  function elsewhere(event) {
    return zone === document && document.querySelector('dialog[open]')?.contains(event.target);
  }

  function dragover(event) {
    if (elsewhere(event) || ![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    document.documentElement.classList.add('dropping');
  }

  function dragleave(event) {
    if (!event.relatedTarget) document.documentElement.classList.remove('dropping');
  }

  function drop(event) {
    document.documentElement.classList.remove('dropping');
    takeFrom(event, event.dataTransfer);
  }

  function paste(event) {
    takeFrom(event, event.clipboardData);
  }

  function takeFrom(event, data) {
    const file = [...(data?.files ?? [])][0];
    if (!file || elsewhere(event)) return;
    event.preventDefault();
    event.stopPropagation();
    take(file);
  }
}
