/** Dialogs that put an item into the catalogue, change one, or take one out. */
import { asProblem } from './api.js';
import { add, newId, remove as removeItem } from './added.js';
import { openDialog } from './dialog.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { itemFields } from './item-form.js';
import { itemAddress } from './router.js';
import { errorState } from './states.js';

/** A new item; shown once it is there. */
export const addForm = () =>
  open(t('add-an-item'), t('it-is-searched-and-recommended-from'), null, async (fields) => {
    const id = newId(fields.platform());
    await add(id, await fields.item());
    location.hash = itemAddress({ item: id });
  });

/** `item`: as GET gives it. `then(item)`: called with the item as it is now. */
export const editForm = (item, then) =>
  open(t('edit-name', { name: item.title }), t('searches-and-recommendations-follow-at-once'), item, async (fields) => then(await add(item.id, await fields.item())));

async function open(title, lead, before, save) {
  const host = h('div');
  let leave = () => {};
  const { dialog, close } = openDialog(title, [h('p', { class: 'soft' }, lead), host], { onleave: () => leave() });
  const fields = await itemFields(dialog, before);
  leave = fields.picture.leave;
  const trouble = h('div');
  const name = before ? t('save') : t('add');
  const button = h('button', { type: 'submit', class: 'button button--main' }, name);
  const remove = before && h('button', { type: 'button', class: 'button button--danger', onclick: ask }, t('delete'));
  const cancel = h('button', { type: 'button', class: 'button', onclick: close }, t('cancel'));
  host.append(h('form', { class: 'form', onsubmit: submit }, fields.elements.filter(Boolean), trouble, h('div', { class: 'form__buttons' }, button, cancel, remove ?? '')));
  fields.first.focus();

  function submit(event) {
    event.preventDefault();
    return go(() => save(fields), before ? t('saving') : t('adding'));
  }

  /** Twice, so that nobody deletes by a slip. */
  function ask() {
    remove.textContent = t('delete-for-good');
    remove.removeEventListener('click', ask);
    remove.addEventListener('click', () => go(async () => (await removeItem(before.id), document.getElementById('panel').close()), name));
  }

  async function go(work, busy) {
    [button.disabled, button.textContent] = [true, busy];
    try {
      await work();
      close();
    } catch (error) {
      trouble.replaceChildren(errorState(asProblem(error), null, true));
      [button.disabled, button.textContent] = [false, name];
    }
  }
}
