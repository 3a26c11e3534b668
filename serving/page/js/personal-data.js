/** A user's own data: what they agree to, a copy of it to keep, and its erasure. What a key may not do says why. */
import { asProblem, get, getSession, send } from './api.js';
import { openDialog } from './dialog.js';
import { h, uniqueId } from './dom.js';
import { userName } from './format.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { errorState, fill, lineBones } from './states.js';

const PURPOSES = {
  recommendation: () => [t('consent-recommendation'), t('consent-recommendation-means')],
  transfer: () => [t('consent-transfer'), t('consent-transfer-means')],
  explanation: () => [t('consent-explanation'), t('consent-explanation-means')],
};
const SAID_BY = { user: () => t('said-by-the-user'), data: () => t('said-by-the-data'), default: () => t('said-by-default') };

/** `onchange`: called once the dialog is closed, where something was agreed to or withdrawn. */
export function personalDataButton(user, onchange) {
  return h('button', { type: 'button', class: 'button', 'aria-haspopup': 'dialog', onclick: () => open(user, onchange) }, icon('shield'), t('personal-data'));
}

function open(user, onchange) {
  const region = h('div');
  const trouble = h('div');
  let changed = false;
  const { close } = openDialog(t('personal-data-of-name', { name: userName(user) }), [trouble, region], { onleave: () => changed && onchange() });
  fill(region, { bones: () => lineBones(6), load: ask, render: show, small: true });

  async function ask() {
    const [{ consent }, { role, user: own }] = await Promise.all([get(['users', user.id, 'consent']), getSession()]);
    const writes = role === 'writer' || role === 'admin';
    return { consent, mayConsent: writes || own === user.id, mayErase: writes && own === null };
  }

  function show({ consent, mayConsent, mayErase }) {
    return [
      h('h3', { class: 'profile__head' }, t('what-you-agree-to')),
      mayConsent ? null : h('p', { class: 'soft small' }, t('this-key-may-not-change-consent')),
      h('ul', { class: 'consents' }, Object.keys(PURPOSES).filter((purpose) => consent[purpose]).map((purpose) => consentLine(purpose, consent[purpose], mayConsent))),
      h('h3', { class: 'profile__head' }, t('a-copy-of-your-data')),
      h('p', { class: 'soft small' }, t('everything-that-is-known-as-json')),
      h('button', { type: 'button', class: 'button', onclick: download }, t('download-a-copy')),
      h('h3', { class: 'profile__head' }, t('erase')),
      erasure(mayErase),
    ];
  }

  function consentLine(purpose, { granted, by }, may) {
    const [name, meaning] = PURPOSES[purpose]();
    const id = uniqueId('consent');
    const state = h('span', { class: 'soft small' }, SAID_BY[by]?.() ?? by);
    const control = h('input', { type: 'checkbox', role: 'switch', class: 'switch', id, checked: granted, disabled: !may, 'aria-describedby': `${id}-means`, onchange: say });
    return h('li', { class: 'consents__line' }, control, h('label', { for: id }, name), h('p', { class: 'soft small', id: `${id}-means` }, meaning, ' ', state));

    async function say() {
      control.disabled = true;
      const told = await attempt(() => send('PUT', ['users', user.id, 'consent'], { [purpose]: control.checked }));
      control.disabled = false;
      if (told === undefined) {
        control.checked = !control.checked;
        return;
      }
      changed = true;
      state.textContent = SAID_BY[told.consent[purpose].by]();
      control.focus();
    }
  }

  async function download() {
    const copy = await attempt(() => get(['users', user.id, 'export']));
    if (copy === undefined) return;
    const url = URL.createObjectURL(new Blob([JSON.stringify(copy, null, 2)], { type: 'application/json' }));
    h('a', { href: url, download: `${user.id.replace(/[^\w.-]+/g, '-')}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 0);
  }

  function erasure(may) {
    if (!may) return h('p', { class: 'soft small' }, t('this-key-may-not-erase'));
    const place = h('div');
    const start = h('button', { type: 'button', class: 'button button--danger', onclick: confirm }, t('erase-name', { name: userName(user) }));
    place.append(start);
    return place;

    function confirm() {
      const points = [t('erase-means-at-once'), t('erase-means-later'), t('erase-means-other-platforms'), t('erase-means-for-good')];
      const sure = h('button', { type: 'button', class: 'button button--danger', onclick: () => erase(sure) }, t('erase-for-good'));
      const keep = h('button', { type: 'button', class: 'button', onclick: () => (place.replaceChildren(start), start.focus()) }, t('keep'));
      const id = uniqueId('erase');
      place.replaceChildren(h('div', { class: 'state state--error state--small', role: 'group', 'aria-labelledby': id }, h('h4', { id }, t('what-happens')), h('ul', { class: 'bullets' }, points.map((text) => h('li', {}, text))), h('div', { class: 'form__buttons' }, keep, sure)));
      keep.focus();
    }
  }

  async function erase(sure) {
    sure.disabled = true;
    const done = await attempt(() => send('DELETE', ['users', user.id]));
    sure.disabled = false;
    if (done === undefined) return;
    changed = false;
    close();
    location.hash = '#/';
  }

  /** What `load` resolves to; undefined, and the trouble shown, where it fails. */
  async function attempt(load) {
    try {
      const value = await load();
      trouble.replaceChildren();
      return value;
    } catch (error) {
      trouble.replaceChildren(errorState(asProblem(error), null, true));
      return undefined;
    }
  }
}
