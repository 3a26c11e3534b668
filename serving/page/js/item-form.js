/** The form of an item, for one that is new and for one that is there. */
import { catalogue } from './catalogue.js';
import { h } from './dom.js';
import { field, numberInput, select, textInput, toggles } from './field.js';
import { words } from './format.js';
import { known, t } from './i18n.js';
import { pictureField } from './picture-field.js';

const USUAL_KIND = 'item';
const MOST_TOGGLES = 24;

/** {elements, picture, first, platform(), item()}; `before`: the item as it is, or null. `zone`: where a picture may be dropped. */
export async function itemFields(zone, before = null) {
  const { platforms, kinds, labels } = await catalogue();
  const title = textInput({ required: true, maxlength: 2000, value: before?.title ?? null });
  const offered = [...new Set([before?.kind, ...(kinds.length > 0 ? kinds : [USUAL_KIND])].filter(Boolean))];
  const kind = select(offered.map((name) => [name, known(name, words(name))]));
  const year = numberInput({ min: -10_000, max: 10_000, value: before?.year ?? null });
  const text = h('textarea', { class: 'input', rows: 4, maxlength: 100_000 }, before?.text);
  const platform = select((platforms.length > 0 ? platforms : ['local']).map((name) => [name, name]));
  const picture = pictureField({ zone, name: t('choose-a-picture') });
  const [label, values] = labels[0] ?? [null, []];
  const had = label ? (before?.attributes[label] ?? []) : [];
  const choices = label && toggles(known(label, words(label)), [...new Set([...had, ...values])].slice(0, Math.max(MOST_TOGGLES, had.length)), had);
  const drop = h('span', { class: 'soft small' }, before?.image ? t('it-keeps-the-one-it-has') : t('or-drop-or-paste-one'));
  const elements = [
    field(t('title'), title, { wide: true }),
    field(t('kind'), kind),
    field(t('year'), year),
    !before && platforms.length > 1 && field(t('platform'), platform),
    field(t('text'), text, { wide: true, note: t('what-it-is-about-it-is') }),
    h('div', { class: 'field field--wide', role: 'group', 'aria-label': t('picture') }, h('span', { class: 'field__name' }, t('picture')), h('div', { class: 'form__picture' }, picture.preview, picture.button, drop), picture.trouble),
    choices?.element,
  ];
  return { elements, picture, first: title, platform: () => platform.value, item };

  /** What is left out is empty from then on, so all that the item has and the form does not ask for is given again. */
  async function item() {
    const image = picture.picture()?.base64 ?? (before?.image && (await base64Of(before.image)));
    const chosen = choices?.chosen() ?? [];
    return {
      title: title.value.trim(),
      kind: kind.value,
      ...(year.value && { year: Number(year.value) }),
      ...(text.value.trim() && { text: text.value.trim() }),
      ...(image && { image }),
      ...((chosen.length > 0 || before) && label && { attributes: { [label]: chosen } }),
      ...(before && { properties: plain(before.properties) }),
    };
  }
}

const plain = (properties) => Object.fromEntries(Object.entries(properties).filter(([, value]) => value === null || typeof value !== 'object'));

/** The picture that the server shows, as the API takes it; none where it cannot be had. */
async function base64Of(address) {
  const answer = await fetch(address);
  if (!answer.ok) return null;
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
