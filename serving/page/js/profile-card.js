/** A user's profile in words, with interests that can be taken out and put back. */
import { asProblem, get, send } from './api.js';
import { can } from './capabilities.js';
import { openDialog } from './dialog.js';
import { h } from './dom.js';
import { userName } from './format.js';
import { language, t } from './i18n.js';
import { icon } from './icons.js';
import { errorState, fill, lineBones } from './states.js';

const REMOVE = ['delete', '/v1/users/{id}/profile/interests/{label}/{name}'];

/** `onchange`: called when an interest was removed or put back: other things are recommended now. */
export function profileButton(user, onchange) {
  return h('button', { type: 'button', class: 'button', 'aria-haspopup': 'dialog', onclick: () => open(user, onchange) }, icon('person'), t('what-we-think-you-like'));
}

function open(user, onchange) {
  const region = h('div');
  const trouble = h('div');
  let changed = false;
  openDialog(t('what-name-likes', { name: userName(user) }), [trouble, region], { onleave: () => changed && onchange() });
  fill(region, { bones: () => lineBones(5), load: ask, render: show, small: true });

  async function ask() {
    const [profile, removable] = await Promise.all([get(['users', user.id, 'profile'], { lang: language }), can(...REMOVE)]);
    return { profile, removable };
  }

  function show({ profile: { text, interests, removed }, removable }) {
    const chip = (interest) => h('li', { class: 'chosen__item' }, h('span', {}, interest.shown), removable && h('button', { type: 'button', class: 'chosen__remove', 'aria-label': t('remove-name', { name: interest.shown }), onclick: () => correct('DELETE', interest) }, icon('close')));
    const back = (interest) => h('li', {}, h('button', { type: 'button', class: 'toggle', onclick: () => correct('PUT', interest) }, icon('plus'), interest.shown));
    return [
      h('p', { class: 'why' }, text),
      interests.length > 0 && [h('h3', { class: 'profile__head' }, t('interests')), h('ul', { class: 'chosen', 'aria-label': t('interests') }, interests.map(chip))],
      removed.length > 0 && [h('h3', { class: 'profile__head' }, t('removed-put-back')), h('ul', { class: 'toggles', 'aria-label': t('removed-put-back') }, removed.map(back))],
    ];
  }

  /** Both answer with the profile as it is then. */
  async function correct(method, { label, name }) {
    try {
      const profile = await send(method, ['users', user.id, 'profile', 'interests', label, name]);
      changed = true;
      trouble.replaceChildren();
      region.replaceChildren(...[show({ profile, removable: true })].flat(Infinity).filter(Boolean));
      region.querySelector('button')?.focus();
    } catch (error) {
      trouble.replaceChildren(errorState(asProblem(error), null, true));
    }
  }
}
