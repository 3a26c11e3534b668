/** A dialog that puts a new item into the catalogue, then shows it. */
import { asProblem } from './api.js';
import { add, newId } from './added.js';
import { catalogue } from './catalogue.js';
import { h } from './dom.js';
import { field, numberInput, select, textInput, toggles } from './field.js';
import { words } from './format.js';
import { icon } from './icons.js';
import { pictureField } from './picture-field.js';
import { itemAddress } from './router.js';
import { errorState } from './states.js';

const USUAL_KIND = 'item';
const MOST_TOGGLES = 24;

export async function addForm() {
  const dialog = h('dialog', { class: 'panel panel--form', 'aria-labelledby': 'add-title', onclose: () => (fields.picture.leave(), dialog.remove()) });
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  const fields = fieldsFrom(await catalogue(), dialog);
  const trouble = h('div');
  const save = h('button', { type: 'submit', class: 'button button--main' }, 'Add');
  const close = h('button', { type: 'button', class: 'panel__close', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'));
  const head = h('div', {}, h('h2', { class: 'detail__title', id: 'add-title' }, 'Add an item'), h('p', { class: 'soft' }, 'It is searched and recommended from the next moment on, by what it is; nothing is trained.'));
  const buttons = h('div', { class: 'form__buttons' }, save, h('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'));
  dialog.append(close, h('form', { class: 'panel__body form', onsubmit: submit }, head, fields.elements, trouble, buttons));
  document.body.append(dialog);
  dialog.showModal();
  fields.first.focus();

  async function submit(event) {
    event.preventDefault();
    const id = newId(fields.platform());
    [save.disabled, save.textContent] = [true, 'Adding …'];
    try {
      await add(id, fields.item());
      dialog.close();
      location.hash = itemAddress({ item: id });
    } catch (error) {
      trouble.replaceChildren(errorState(asProblem(error), null, true));
      [save.disabled, save.textContent] = [false, 'Add'];
    }
  }
}

/** The elements of the form, and what it says now. The first attribute of the catalogue (genres, say) can be chosen. */
function fieldsFrom({ platforms, kinds, labels }, zone) {
  const title = textInput({ required: true, maxlength: 2000 });
  const kind = select((kinds.length > 0 ? kinds : [USUAL_KIND]).map((name) => [name, words(name)]));
  const year = numberInput({ min: -10_000, max: 10_000 });
  const text = h('textarea', { class: 'input', rows: 4, maxlength: 100_000 });
  const platform = select((platforms.length > 0 ? platforms : ['local']).map((name) => [name, name]));
  const picture = pictureField({ zone, name: 'Choose a picture' });
  const [label, values] = labels[0] ?? [null, []];
  const choices = label && toggles(words(label), values.slice(0, MOST_TOGGLES));
  const elements = [
    field('Title', title, { wide: true }),
    field('Kind', kind),
    field('Year', year),
    platforms.length > 1 && field('Platform', platform),
    field('Text', text, { wide: true, note: 'What it is about: it is found by these words.' }),
    h('div', { class: 'field field--wide', role: 'group', 'aria-label': 'Picture' }, h('span', { class: 'field__name' }, 'Picture'), h('div', { class: 'form__picture' }, picture.preview, picture.button, h('span', { class: 'soft small' }, 'or drop or paste one')), picture.trouble),
    choices?.element,
  ];
  return { elements, picture, first: title, platform: () => platform.value, item };

  function item() {
    return {
      title: title.value.trim(),
      kind: kind.value,
      ...(year.value && { year: Number(year.value) }),
      ...(text.value.trim() && { text: text.value.trim() }),
      ...(picture.picture() && { image: picture.picture().base64 }),
      ...(choices?.chosen().length > 0 && { attributes: { [label]: choices.chosen() } }),
    };
  }
}
