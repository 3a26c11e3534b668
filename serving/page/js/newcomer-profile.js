/** Who a newcomer is, all of it optional: properties that users have and that change what is recommended. */
import { findUsers } from './api.js';
import { h } from './dom.js';
import { known, locale, t } from './i18n.js';
import { field, numberInput, select, textInput } from './field.js';
import { words } from './format.js';
import { recommendToNewcomer } from './live-api.js';
import { emptyState, fill, lineBones } from './states.js';

const SAMPLE = 100;
const MOST_CHOICES = 30;
const FEW_NUMBERS = 6;

/** A disclosure that asks what there is when it is first opened. `profile()`: filled fields only, as users have them. */
export function newcomerProfile(onchange) {
  const region = h('div', { class: 'profile' });
  const element = h('details', { class: 'about' }, h('summary', {}, t('about-you')), h('p', { class: 'soft small' }, t('optional-what-is-left-empty-is')), region);
  let controls = [];
  let asked = false;
  element.addEventListener('toggle', () => element.open && !asked && load());
  return { element, profile, reset };

  function load() {
    asked = true;
    return fill(region, { bones: () => lineBones(3), load: columnsThatCount, render: show, small: true });
  }

  function show(columns) {
    controls = columns.map((column) => ({ name: column.name, ...controlOf(column, onchange) }));
    if (controls.length === 0) return emptyState(t('nothing-to-ask'), t('no-property-of-the-users-changes'), true);
    return controls.map(({ name, control }) => field(known(name, words(name)), control));
  }

  function profile() {
    return Object.fromEntries(controls.filter(({ control }) => control.value !== '' && control.validity.valid).map(({ name, value }) => [name, value()]));
  }

  function reset() {
    for (const { control } of controls) control.value = '';
  }
}

/** The API ignores what its model does not know, and says which sources counted: so each property is tried once. */
async function columnsThatCount() {
  const columns = columnsOf(await findUsers('', SAMPLE));
  const answers = await Promise.all(columns.map(({ name, values }) => recommendToNewcomer({ profile: { [name]: values[0] }, n: 1 })));
  return columns.filter((_, place) => answers[place].sources.includes('profile'));
}

/** Properties of some users with their values, the most frequent first. */
function columnsOf(users) {
  const columns = new Map();
  for (const [name, value] of users.flatMap(({ properties }) => Object.entries(properties))) {
    if (value === null || typeof value === 'object') continue;
    const counts = columns.get(name) ?? columns.set(name, new Map()).get(name);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...columns].map(([name, counts]) => ({ name, values: [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one)) }));
}

/** {control, value()}: what it says is of the type that the users' property has. */
function controlOf({ values }, onchange) {
  const numeric = values.every((value) => typeof value !== 'boolean' && value !== '' && Number.isFinite(Number(value)));
  if (numeric && values.length > FEW_NUMBERS) {
    const control = numberInput({ min: 0, onchange, oninput: onchange });
    return { control, value: () => (typeof values[0] === 'number' ? Number(control.value) : control.value) };
  }
  if (values.length > MOST_CHOICES) {
    const control = textInput({ oninput: onchange });
    return { control, value: () => control.value };
  }
  const sorted = [...values].sort((one, other) => String(one).localeCompare(String(other), locale, { numeric: true }));
  const control = select([['', t('any')], ...sorted.map((value, place) => [String(place), String(value)])], { onchange });
  return { control, value: () => sorted[Number(control.value)] };
}
