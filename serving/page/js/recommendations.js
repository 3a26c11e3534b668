/** What is recommended to a user: the list at once, the reasons as soon as the graph has given them. */
import { asProblem, getRecommendations } from './api.js';
import { EVENTS, can } from './capabilities.js';
import { card } from './cards.js';
import { h } from './dom.js';
import { feedback } from './feedback.js';
import { t } from './i18n.js';
import { replaceMoving } from './moving.js';
import { section } from './section.js';
import { cardBones, emptyState, errorState, fill, lineBones } from './states.js';

const FIRST = 14;
const STEP = 14;
const MOST = 70;

export function recommendationsSection(user) {
  const note = h('p', { class: 'soft small' });
  const status = h('p', { class: 'visually-hidden', role: 'status' });
  const trouble = h('div');
  const region = h('div');
  const element = section(t('recommended'), [status, trouble, region], note);
  const list = h('ul', { class: 'grid' });
  const slots = new Map();
  let shown = FIRST;
  let reasons = Promise.resolve(new Map());
  let announceStart;
  const started = new Promise((resolve) => (announceStart = resolve));

  /** Loads `n` items; the reasons follow by themselves. */
  function start(n = FIRST) {
    shown = n;
    const done = fill(region, {
      bones: () => h('ul', { class: 'grid' }, cardBones(FIRST)),
      load: () => getRecommendations(user, n, false),
      render: (found) => show(found, n),
    });
    announceStart();
    return done;
  }

  function show(found, n) {
    note.textContent = t('by-name-version-version', found.model);
    if (found.items.length === 0) return emptyState(t('nothing-to-recommend'), t('every-item-has-been-seen-or'));
    slots.clear();
    list.replaceChildren(...found.items.map(recommended));
    reasons = explain(found, n);
    const more = found.items.length === n && n < MOST;
    return [list, more && moreButton(n)];
  }

  function recommended({ item, rank }) {
    const slot = h('div', { class: 'reason reason--none' }, lineBones(2));
    slots.set(item.id, slot);
    const entry = card(item, { user, rank, extra: slot, eager: rank <= 8 });
    entry.dataset.item = item.id;
    offerFeedback(entry, item);
    return entry;
  }

  async function offerFeedback(entry, item) {
    if (await can(...EVENTS)) entry.append(feedback(user, item, { ontold: changed, onfailed: failedToTell }));
  }

  /** The list as it is after an event: asked for again, and moved before one's eyes. */
  async function changed(kind, item) {
    trouble.replaceChildren();
    status.textContent = t('taken-title-the-list-is-asked', { title: item.title });
    try {
      const found = await getRecommendations(user, shown, false);
      slots.clear();
      const focused = list.contains(document.activeElement);
      const fresh = replaceMoving(list, found.items.map(recommended));
      if (focused) list.querySelector('.card__title a')?.focus();
      status.textContent = t('the-list-has-changed-n-is', { n: fresh });
      reasons = explain(found, shown);
    } catch (error) {
      failedToTell(asProblem(error));
    }
  }

  function failedToTell(problem) {
    trouble.replaceChildren(errorState(problem, null, true));
  }

  async function explain(found, n) {
    const answer = await getRecommendations(user, n, true).catch(failed);
    const byItem = new Map(answer.items.map((entry) => [entry.item.id, entry]));
    if (answer.reasons) note.textContent = t('reasons-are-missing-detail-remedy', answer.reasons);
    for (const { item } of found.items) {
      const slot = slots.get(item.id);
      if (answer.reasons) slot?.remove();
      else if (slot) showReason(slot, byItem.get(item.id)?.reason);
    }
    return byItem;
  }

  function failed(error) {
    const { detail, remedy } = asProblem(error);
    return { items: [], reasons: { detail, remedy } };
  }

  function moreButton(n) {
    return h('div', { class: 'more' }, h('button', { type: 'button', class: 'button', onclick: grow }, t('show-more')));

    async function grow(event) {
      event.target.disabled = true;
      await start(n + STEP);
      region.querySelectorAll('.card__title a')[n]?.focus();
    }
  }

  /** The ranked entry of an item with its reason, or null where it is not among the recommended ones. */
  async function reasonFor(item) {
    await started;
    return (await reasons).get(item) ?? null;
  }

  return { element, start, reasonFor };
}

function showReason(slot, reason) {
  slot.className = reason ? 'reason' : 'reason reason--none';
  slot.replaceChildren(reason ? reason.text : t('no-path-in-the-graph-leads'));
}
