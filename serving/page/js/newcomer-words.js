/** What a newcomer's recommendations rest on, as a sentence. */
import { list, t } from './i18n.js';

const YOURS = { profile: t('your-profile'), text: t('your-sentence'), image: t('your-picture'), audio: t('your-sound'), popular: t('what-is-popular') };

/** `sources`: as the API says what counted. `chosen`: items. */
export function basis(sources, chosen) {
  if (sources.every((source) => source === 'popular')) return t('what-is-popular-you-have-not');
  return t('from-sources', { sources: list(sources.map((source) => (source === 'items' ? choices(chosen) : (YOURS[source] ?? source)))) });
}

/** By what they are all called, where the page has a word for it. */
function choices(chosen) {
  const kinds = new Set(chosen.map(({ kind }) => kind));
  if (kinds.size === 1 && kinds.has('movie')) return t('n-movie-you-chose', { n: chosen.length });
  return t('n-item-you-chose', { n: chosen.length });
}
