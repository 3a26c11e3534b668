/** The values of `$names` in the query, as a JSON object. */
import { Problem } from './api.js';
import { h, uniqueId } from './dom.js';
import { t } from './i18n.js';

export function parametersField() {
  const id = uniqueId('parameters');
  const field = h('textarea', { id, class: 'query__parameters', rows: 3, spellcheck: 'false', placeholder: '{"user": "movielens:196"}' });
  const summary = h('summary', {}, t('parameters'));
  const label = h('label', { class: 'visually-hidden', for: id }, t('parameters-as-json'));
  const element = h('details', { class: 'query__more' }, summary, label, field);
  return { element, read, write, text: () => field.value.trim() };

  function write(text) {
    field.value = text;
    element.open = text !== '';
  }

  function read() {
    const text = field.value.trim();
    if (!text) return {};
    const value = parsed(text);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong(t('it-is-no-object'));
    return value;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong(error.message);
  }
}

function wrong(why) {
  return new Problem({
    title: t('the-parameters-are-no-json-object'),
    detail: t('parameters-why', { why }),
    valid: '{"user": "movielens:196", "n": 5}',
    remedy: t('mend-them-below-the-query'),
  });
}
