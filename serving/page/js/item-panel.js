/** The panel with one item: picture, text, attributes, why it is recommended, what is like it. */
import { addedSection, isAdded, justAdded } from './added.js';
import { getItem } from './api.js';
import { panelBasketButton } from './basket-button.js';
import { h } from './dom.js';
import { known, locale, t } from './i18n.js';
import { facts, score, words } from './format.js';
import { icon } from './icons.js';
import { playlistAddress } from './playlist-address.js';
import { poster } from './poster.js';
import { relatedSections } from './related.js';
import { addressBehind, here, viewAddress } from './router.js';
import { similarSection } from './similar.js';
import { fill, lineBones } from './states.js';
import { whySection } from './why.js';

const MOST_VALUES = 8;

/** Makes the dialog `panel` ours. `open` shows an item, `close` hides it without leaving its address. */
export function itemPanel(panel) {
  panel.addEventListener('close', leave);
  panel.addEventListener('click', (event) => event.target === panel && panel.close());

  async function open(id, user, reasonFor) {
    const body = h('div', { class: 'panel__body' });
    panel.replaceChildren(closeButton(panel), body);
    panel.scrollTop = 0;
    if (!panel.open) panel.showModal();
    const ranked = user ? reasonFor(id) : Promise.resolve(null);
    const item = await fill(body, {
      bones: () => h('div', { class: 'detail' }, h('div', { class: 'poster bone' }), h('div', {}, h('div', { class: 'bone bone--title' }), lineBones(5))),
      load: async () => justAdded(id) ?? getItem(id),
      render: (found) => [detail(found, ranked), reasons(found, user, ranked), similarSection(found, user), relatedSections(found, user), moreLike(found, () => open(id, user, reasonFor))],
    });
    if (item) panel.querySelector('#panel-title').focus();
  }

  function close() {
    if (panel.open) panel.close();
  }

  /** The graph learns of an item that was just added a moment later. */
  function reasons(item, user, ranked) {
    return [isAdded(item.id) && addedSection(item, close), !justAdded(item.id) && whySection(item, user, ranked)];
  }

  return { open, close };
}

/** Closed by key, button or backdrop: the address goes back to the page behind. */
function leave() {
  if (here().item) location.hash = addressBehind();
}

function closeButton(panel) {
  return h('button', { type: 'button', class: 'panel__close', 'aria-label': t('close'), onclick: () => panel.close() }, icon('close'));
}

function detail(item, ranked) {
  const place = h('span');
  ranked.then((entry) => entry && place.replaceChildren(t('recommended-place-score-score', { place: ordinal(entry.rank), score: score(entry.score) })));
  return h(
    'article',
    { class: 'detail' },
    poster(item, { eager: true, alt: t('poster-of-title', { title: item.title }) }),
    h(
      'div',
      { class: 'detail__head' },
      h('h2', { class: 'detail__title', id: 'panel-title', tabindex: -1 }, item.title),
      h('p', { class: 'detail__meta' }, item.year !== null && h('span', {}, String(item.year)), h('span', {}, known(item.kind, item.kind)), place),
    ),
    h('div', { class: 'detail__rest' }, item.text && h('p', { class: 'detail__text' }, item.text), attributeList(item)),
  );
}

function moreLike(item, reopen) {
  const { id, title } = item;
  const href = viewAddress('discover', { like: id });
  const fromHere = h('a', { class: 'button', href: playlistAddress({ seeds: { items: [id] } }) }, icon('list'), t('playlist-from-here'), h('span', { class: 'visually-hidden' }, `: ${title}`));
  const edit = h('button', { type: 'button', class: 'button', 'aria-label': t('edit-name', { name: title }), onclick: async () => (await import('./edit-form.js')).editForm(item, reopen) }, icon('edit'), t('edit'));
  return h('div', { class: 'panel__section panel__ways' }, h('a', { class: 'button', href }, t('discover-more-like-this'), h('span', { class: 'visually-hidden' }, `: ${title}`)), fromHere, panelBasketButton(item), edit);
}

function attributeList({ attributes, properties }) {
  const line = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
  const labels = Object.entries(attributes).map(([label, names]) => line(known(label, words(label)), chipsWithMore(names)));
  const rest = facts(properties, 6).map(([name, value]) => line(name, value));
  return labels.length + rest.length > 0 && h('dl', { class: 'facts' }, labels, rest);
}

function chipsWithMore(names) {
  const chip = (name) => h('span', { class: 'chip' }, name);
  const list = h('div', { class: 'chips' }, names.slice(0, MOST_VALUES).map(chip));
  const rest = names.slice(MOST_VALUES);
  if (rest.length > 0) {
    const more = h('button', { type: 'button', class: 'chip chip--more', onclick: () => more.replaceWith(...rest.map(chip)) }, t('n-more', { n: rest.length }));
    list.append(more);
  }
  return list;
}

function ordinal(rank) {
  if (locale !== 'en') return String(rank);
  const suffix = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
  return `${rank}${suffix[new Intl.PluralRules('en', { type: 'ordinal' }).select(rank)]}`;
}
