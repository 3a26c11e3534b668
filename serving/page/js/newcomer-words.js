/** What a newcomer's recommendations rest on, as a sentence. */
import { count } from './format.js';

const YOURS = { profile: 'your profile', text: 'your sentence', image: 'your picture', audio: 'your sound', popular: 'what is popular' };
const LIST = new Intl.ListFormat('en');

/** `sources`: as the API says what counted. `chosen`: items. */
export function basis(sources, chosen) {
  if (sources.every((source) => source === 'popular')) return 'What is popular: you have not said anything yet.';
  const parts = sources.map((source) => (source === 'items' ? `${count(chosen.length, noun(chosen))} you chose` : (YOURS[source] ?? source)));
  return `From ${LIST.format(parts)}.`;
}

/** What they are all called; a word of which `s` makes the plural. */
function noun(items) {
  const kinds = new Set(items.map(({ kind }) => kind));
  return kinds.size === 1 ? [...kinds][0] : 'item';
}
