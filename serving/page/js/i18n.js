/** The page's own words in the language of whoever looks: one dictionary a language, chosen, else as the browser has it. */
import { h } from './dom.js';

const KEY = 'interlace-language';
export const LANGUAGES = { en: 'English', zh: '中文' };

/** Set by `theme-early.js`, before the first paint. */
export const language = document.documentElement.lang in LANGUAGES ? document.documentElement.lang : 'en';
/** As `Intl` and the API know it. */
export const locale = language === 'zh' ? 'zh-CN' : 'en';

const { words } = await import(`./words/${language}.js`);
const plural = new Intl.PluralRules(locale);

/** The words of `key`, `{name}` filled in: numbers as the language writes them. An entry by number is chosen by `n`. */
export function t(key, values = {}) {
  return parts(key, values).join('');
}

/** As `t`, but a value may be an element: a list to append. */
export function parts(key, values = {}) {
  const entry = words[key] ?? key;
  const text = typeof entry === 'string' ? entry : (entry[plural.select(values.n ?? 0)] ?? entry.other);
  return text.split(/(\{\w+\})/).filter(Boolean).map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    return name in values ? shown(values[name]) : part;
  });
}

const shown = (value) => (typeof value === 'number' ? number(value) : value);

export const number = (value, options = {}) => value.toLocaleString(locale, options);

export const list = (values) => new Intl.ListFormat(locale).format(values);

/** A word of the data (a kind, a property, a type) in this language where the page knows it, else as `text`. */
export const known = (name, text) => (typeof words[`data.${name}`] === 'string' ? words[`data.${name}`] : text);

/** The whole page in the other language: it begins anew, at the same address. */
export function languageButton() {
  const names = Object.keys(LANGUAGES);
  const next = names[(names.indexOf(language) + 1) % names.length];
  return h('button', { type: 'button', class: 'tool tool--language', lang: next, title: LANGUAGES[next], 'aria-label': next === 'zh' ? LANGUAGES.zh : `EN: ${LANGUAGES.en}`, onclick: () => choose(next) }, h('span', { 'aria-hidden': 'true' }, next === 'zh' ? '中' : 'EN'));
}

function choose(next) {
  try {
    localStorage.setItem(KEY, next);
  } catch (error) {
    console.info('The language cannot be kept: this browser forbids storage.', error);
  }
  location.reload();
}
