/** What found items have to be: a kind, years, an attribute. In the address as `kind`, `from`, `to` and `attribute`. */
import { catalogue } from './catalogue.js';
import { h } from './dom.js';
import { known, t } from './i18n.js';
import { choose, field, numberInput, select } from './field.js';
import { words } from './format.js';

const NAMES = ['kind', 'attribute', 'from', 'to'];
const FIRST_YEAR = -10_000;
const LAST_YEAR = 10_000;

export function discoverFilters(onchange) {
  const year = { min: FIRST_YEAR, max: LAST_YEAR, onchange };
  const controls = {
    kind: select([['', t('any')]], { onchange }),
    from: numberInput({ ...year, placeholder: t('any') }),
    to: numberInput({ ...year, placeholder: t('any') }),
    attribute: select([['', t('any')]], { onchange }),
  };
  const reset = h('button', { type: 'button', class: 'link', hidden: true, onclick: () => (clear(), onchange()) }, t('clear-filters'));
  const names = { kind: t('kind'), from: t('from-year'), to: t('to-year'), attribute: t('attribute') };
  const fields = NAMES.map((name) => field(names[name], controls[name]));
  const element = h('div', { class: 'filters', role: 'group', 'aria-label': t('filters') }, fields, reset);
  catalogue().then(offer);
  return { element, show, parameters };

  function offer({ kinds, labels }) {
    const chosen = parameters();
    controls.kind.replaceChildren(...select([['', t('any')], ...kinds.map((kind) => [kind, known(kind, words(kind))])]).children);
    controls.attribute.replaceChildren(...select([['', t('any')], ...labels.map(([label, values]) => [known(label, words(label)), pairs(label, values)])]).children);
    if (labels.length === 1) fields[NAMES.indexOf('attribute')].querySelector('label').textContent = known(labels[0][0], words(labels[0][0]));
    show(chosen);
  }

  /** Puts the controls as an address says, but for one that is being typed into. */
  function show(wished) {
    for (const name of ['from', 'to']) {
      if (controls[name] !== document.activeElement) controls[name].value = wished[name] ?? '';
    }
    choose(controls.kind, wished.kind ?? '', words(wished.kind ?? ''));
    choose(controls.attribute, wished.attribute ?? '', (wished.attribute ?? '').split(':').slice(1).join(':'));
    reset.hidden = !NAMES.some((name) => wished[name]);
  }

  function parameters() {
    return Object.fromEntries(NAMES.map((name) => [name, controls[name].value]));
  }

  function clear() {
    show({});
  }
}

const pairs = (label, values) => values.map((value) => [`${label}:${value}`, value]);

/** The filter of the API. Years the wrong way round are meant the right way round. */
export function asFilter({ kind, from, to, attribute }) {
  const filter = {};
  if (kind) filter.kind = kind;
  if (from || to) filter.years = [Number(from || FIRST_YEAR), Number(to || LAST_YEAR)].sort((one, other) => one - other);
  if (attribute) {
    const [label, ...rest] = attribute.split(':');
    filter.attributes = { [label]: rest.join(':') };
  }
  return filter;
}
