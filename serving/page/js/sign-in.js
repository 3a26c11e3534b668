/**
 * Keys, where the server asks for them: one dialog for all requests that wait, the key kept until the tab is closed.
 * `withKey` is fetch; pictures come by a cookie that POST /v1/session sets, good for pictures alone.
 */
import { h } from './dom.js';

const KEPT = 'interlace-key';
const SESSION = '/v1/session';
const REFUSED = 401;

let waiting = null;
let declined = false;
/** Without storage (blocked by the browser) the key lasts as long as the page. */
let unkept = null;
if (kept()) openPictures(kept()).then(showSignOut);

/** As fetch, with the key; asks for one when the server does, and sends the request again. */
export async function withKey(address, options) {
  const key = kept();
  const response = await fetch(address, keyed(options, key));
  if (response.status !== REFUSED || declined) return response;
  if (kept() === key) {
    waiting ??= ask(key !== null).finally(() => (waiting = null));
    if (!(await waiting)) return response;
  }
  return fetch(address, keyed(options, kept()));
}

function keyed(options, key) {
  return key ? { ...options, headers: { ...options.headers, authorization: `Bearer ${key}` } } : options;
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT) ?? unkept;
  } catch {
    return unkept;
  }
}

function keep(key) {
  unkept = key;
  try {
    if (key) sessionStorage.setItem(KEPT, key);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // `unkept` has it
  }
}

/** {caller, role, platform, user}, or null for a key that is no good. */
async function openPictures(key) {
  try {
    const response = await fetch(SESSION, keyed({ method: 'POST', headers: { accept: 'application/json' } }, key));
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** Resolves to whether somebody signed in. */
function ask(wasRefused) {
  const key = h('input', { class: 'input', type: 'password', id: 'sign-in-key', autocomplete: 'off', spellcheck: 'false', required: true });
  const trouble = h('p', { class: 'field__trouble', role: 'alert' }, wasRefused ? 'The key is no longer in use.' : '');
  const enter = h('button', { class: 'button button--primary', type: 'submit' }, 'Sign in');
  const leave = h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, 'Not now');
  const form = h(
    'form',
    { class: 'sign-in__form', onsubmit: submit },
    h('h2', { id: 'sign-in-title' }, 'Sign in'),
    h('p', { class: 'soft' }, 'This server answers to keys. Yours begins with ilk_; a token of your organisation works too.'),
    h('div', { class: 'field' }, h('label', { class: 'field__name', for: 'sign-in-key' }, 'Key'), key, trouble),
    h('div', { class: 'sign-in__buttons' }, leave, enter),
  );
  const dialog = h('dialog', { class: 'sign-in', 'aria-labelledby': 'sign-in-title' }, form);
  document.body.append(dialog);
  dialog.showModal();
  key.focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      declined = dialog.returnValue !== 'in';
      if (declined) showTool('sign-in', 'Sign in', 'Give a key', () => location.reload());
      resolve(dialog.returnValue === 'in');
    });
  });

  async function submit(event) {
    event.preventDefault();
    enter.disabled = true;
    const found = await openPictures(key.value.trim());
    enter.disabled = false;
    if (!found) {
      trouble.textContent = 'The server does not know this key. Check that it is whole and still in use.';
      key.select();
      return;
    }
    keep(key.value.trim());
    showSignOut(found);
    if (found.user && location.hash.length < 3) location.hash = `#/users/${encodeURIComponent(found.user)}`;
    dialog.close('in');
  }
}

/** A button in the header that forgets the key; the page then starts anew. */
function showSignOut(found) {
  if (!found) return;
  const name = found.user ?? `${found.role}${found.platform ? ` of ${found.platform}` : ''}`;
  showTool('sign-out', 'Sign out', `Signed in as ${name}`, signOut);
}

function showTool(id, words, title, onclick) {
  if (document.getElementById(id)) return;
  document.getElementById('tools')?.append(h('button', { class: 'button', id, type: 'button', title, onclick }, words));
}

async function signOut() {
  keep(null);
  await fetch(SESSION, { method: 'DELETE' }).catch(() => null);
  location.assign('/');
  location.reload();
}
