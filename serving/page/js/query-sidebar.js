/** Beside the editor: examples, labels and types to click into the query, and what was asked before. */
import { asProblem, getSchema } from './api.js';
import { h } from './dom.js';
import { number, t } from './i18n.js';
import { labelColour } from './label-colours.js';
import { forget, remembered } from './query-history.js';
import { errorState, rowBones } from './states.js';

/** `insert(text)`, `open(query)` runs an example, `history(entry)` loads an earlier query. */
export function querySidebar({ insert, open, history }) {
  const schema = h('div');
  const past = h('ul', { class: 'side__list' });
  const clear = h('button', { type: 'button', class: 'side__clear', onclick: () => showHistory(forget()) }, t('clear'));
  const earlier = part(t('history'), false, past, clear);
  const element = h('aside', { class: 'side', 'aria-label': t('schema-and-examples') }, schema, earlier);
  load();
  showHistory(remembered());
  return { element, showHistory };

  async function load() {
    schema.replaceChildren(h('ul', { class: 'side__bones' }, rowBones(3)));
    try {
      show(await getSchema());
    } catch (error) {
      schema.replaceChildren(errorState(asProblem(error), load, true, 'h2'));
    }
  }

  function show({ labels, relationships, indexes, examples }) {
    const wide = matchMedia('(min-width: 60rem)').matches;
    schema.replaceChildren(
      part(t('examples'), true, h('ul', { class: 'side__list' }, examples.map(example))),
      part(t('labels'), wide, h('ul', { class: 'side__names' }, labels.map((one) => labelEntry(one, indexes)))),
      part(t('relationships'), wide, h('ul', { class: 'side__names' }, relationships.map(typeEntry))),
    );
  }

  function example({ title, query }) {
    return h('li', {}, h('button', { type: 'button', class: 'side__item', title: query, onclick: () => open(query) }, title));
  }

  function labelEntry({ name, count, properties }, indexes) {
    const own = indexes.filter(({ label }) => label === name);
    const dot = h('span', { class: 'legend__dot', 'aria-hidden': 'true', vars: { '--dot': labelColour(name) } });
    return entry([dot, name], count, `(:${quoted(name)})`, properties, null, own);
  }

  function typeEntry({ name, count, properties, pairs }) {
    const joins = pairs.map(({ start, end }) => `${start} → ${end}`).join(', ');
    return entry([name], count, `-[:${quoted(name)}]->`, properties, joins, []);
  }

  function entry(name, count, text, properties, note, indexes) {
    const button = h('button', { type: 'button', class: 'side__name', title: t('insert-text', { text }), onclick: () => insert(text) }, name);
    const figure = h('span', { class: 'side__count' }, number(count));
    return h('li', {}, h('div', { class: 'side__row' }, button, figure), note && h('p', { class: 'side__note' }, note), propertyList(properties, indexes));
  }

  function propertyList(properties, indexes) {
    const kinds = new Map(indexes.flatMap(({ properties: names, kind }) => names.map((name) => [name, kind])));
    const chip = ([name, type]) => {
      const kind = kinds.has(name) ? `, ${t('kind-index', { kind: kinds.get(name) })}` : '';
      const look = kind ? 'chip side__property side__property--indexed' : 'chip side__property';
      return h('li', {}, h('button', { type: 'button', class: look, title: `${type}${kind}`, onclick: () => insert(`.${quoted(name)}`) }, name));
    };
    return h('ul', { class: 'chips side__properties' }, Object.entries(properties).map(chip));
  }

  function showHistory(entries) {
    earlier.hidden = entries.length === 0;
    past.replaceChildren(...entries.map(historyEntry));
  }

  function historyEntry(one) {
    const shown = one.query.replace(/\s+/g, ' ').trim();
    return h('li', {}, h('button', { type: 'button', class: 'side__item side__item--code', title: one.query, onclick: () => history(one) }, shown));
  }
}

function part(title, open, ...children) {
  return h('details', { class: 'side__part', open }, h('summary', {}, title), children);
}

const quoted = (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``);
