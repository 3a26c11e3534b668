/** What the catalogue is made of, as its best-known items show it: platforms, kinds, attributes. Asked for once. */
import { asProblem, findItems } from './api.js';

const SAMPLE = 100;
const MOST_VALUES = 40;
const NOTHING = { platforms: [], kinds: [], labels: [] };
let asked = null;

/** {platforms, kinds, labels: [[label, values], …]}, most frequent first; without choices where they cannot be had. */
export function catalogue() {
  asked ??= findItems('', SAMPLE).then(summary, withoutChoices);
  return asked;
}

/** A form without choices is still a form; the next one asks again. */
function withoutChoices(error) {
  console.info('No choices from the catalogue:', asProblem(error).detail);
  asked = null;
  return NOTHING;
}

function summary(items) {
  const names = common(items.flatMap(({ attributes }) => Object.keys(attributes)));
  const values = (label) => common(items.flatMap(({ attributes }) => attributes[label] ?? [])).slice(0, MOST_VALUES);
  return {
    platforms: common(items.map(({ id }) => id.slice(0, id.indexOf(':')))),
    kinds: common(items.map(({ kind }) => kind)),
    labels: names.map((label) => [label, values(label)]),
  };
}

function common(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one));
}
