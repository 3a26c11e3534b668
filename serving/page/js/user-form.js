/** A dialog that changes a user's name and properties, or takes the user out. */
import { asProblem, send } from './api.js';
import { can } from './capabilities.js';
import { openDialog } from './dialog.js';
import { h } from './dom.js';
import { field, textInput } from './field.js';
import { userName, words } from './format.js';
import { known, t } from './i18n.js';
import { errorState } from './states.js';

export async function userForm(user) {
  const name = textInput({ maxlength: 256, value: user.properties.name ?? '' });
  const editable = Object.entries(user.properties).filter(([key, value]) => key !== 'name' && ['string', 'number', 'boolean'].includes(typeof value));
  const controls = editable.map(([key, value]) => ({ key, value, control: textInput({ maxlength: 256, value: String(value) }) }));
  const trouble = h('div');
  const save = h('button', { type: 'submit', class: 'button button--main' }, t('save'));
  const removable = await can('delete', '/v1/users/{id}');
  const remove = removable && h('button', { type: 'button', class: 'button button--danger', onclick: ask }, t('delete-this-user'));
  const fields = [field(t('name'), name, { wide: true }), controls.map(({ key, control }) => field(known(key, words(key)), control))];
  const form = h('form', { class: 'form', onsubmit: submit }, fields, trouble, h('div', { class: 'form__buttons' }, save, remove));
  const { close } = openDialog(t('edit-name', { name: userName(user) }), form);

  function submit(event) {
    event.preventDefault();
    const properties = Object.fromEntries(controls.map(({ key, value, control }) => [key, typed(control.value.trim(), value)]));
    if (name.value.trim() || user.properties.name) properties.name = typed(name.value.trim(), '');
    go('PUT', { properties }, () => location.reload());
  }

  function ask() {
    remove.textContent = t('delete-for-good');
    remove.removeEventListener('click', ask);
    remove.addEventListener('click', () => go('DELETE', undefined, () => (location.hash = '#/')));
  }

  async function go(method, body, then) {
    save.disabled = true;
    try {
      await send(method, ['users', user.id], body);
      close();
      then();
    } catch (error) {
      trouble.replaceChildren(errorState(asProblem(error), null, true));
      save.disabled = false;
    }
  }
}

/** As the property was before: a number stays a number. What is empty goes. */
function typed(text, before) {
  if (text === '') return null;
  if (typeof before === 'number' && Number.isFinite(Number(text))) return Number(text);
  if (typeof before === 'boolean') return text === 'true';
  return text;
}
