/** The Cypher that proves a reason, to copy and run. */
import { h } from './dom.js';
import { t } from './i18n.js';
import { queryAddress } from './router.js';

export function proof({ cypher: written, parameters }) {
  const cypher = layOut(written);
  const query = h('pre', { tabindex: 0, 'aria-label': t('cypher') }, h('code', {}, cypher));
  const values = h('pre', { tabindex: 0, 'aria-label': t('parameters') }, h('code', {}, JSON.stringify(parameters, null, 2)));
  const run = h('a', { class: 'proof__run', href: queryAddress(cypher, parameters) }, t('open-in-the-query-view'));
  return h(
    'details',
    { class: 'proof' },
    h('summary', {}, t('the-cypher-that-proves-it')),
    h('div', { class: 'proof__box' }, copyButton(query, cypher), query, values, run),
  );
}

/** One clause a line; what stands in quotes is left as it is. */
function layOut(cypher) {
  const parts = cypher.trim().split(/('[^']*'|"[^"]*"|`[^`]*`)/);
  const broken = (text) => text.replace(/\s+(?=(?:OPTIONAL MATCH|(?<!OPTIONAL )MATCH|WHERE|WITH|UNWIND|RETURN|ORDER BY|LIMIT)\b)/g, '\n');
  return parts.map((part, place) => (place % 2 === 0 ? broken(part) : part)).join('');
}

function copyButton(source, text) {
  const button = h('button', { type: 'button', class: 'button proof__copy', onclick: copy }, t('copy'));
  const status = h('span', { class: 'visually-hidden', role: 'status' });
  return [button, status];

  async function copy() {
    const message = (await toClipboard(text)) ? t('copied') : select(source);
    button.textContent = message;
    status.textContent = message;
    setTimeout(() => (button.textContent = t('copy')), 2500);
  }
}

/** False where the browser has no clipboard for this page (no HTTPS) or forbids it. */
async function toClipboard(text) {
  if (!navigator.clipboard) return false;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}

function select(source) {
  getSelection().selectAllChildren(source);
  return t('selected-press-ctrl-c');
}
