/** What is recommended to a user: the list at once, the reasons as soon as the graph has given them. */
import { asProblem, getRecommendations } from './api.js';
import { card } from './cards.js';
import { h } from './dom.js';
import { section } from './section.js';
import { cardBones, emptyState, fill, lineBones } from './states.js';

const FIRST = 12;
const STEP = 12;
const MOST = 60;

export function recommendationsSection(user) {
  const note = h('p', { class: 'soft small' });
  const region = h('div');
  const element = section('Recommended', region, note);
  const slots = new Map();
  let reasons = Promise.resolve(new Map());
  let announceStart;
  const started = new Promise((resolve) => (announceStart = resolve));

  /** Loads `n` items; the reasons follow by themselves. */
  function start(n = FIRST) {
    const done = fill(region, {
      bones: () => h('ul', { class: 'grid' }, cardBones(FIRST)),
      load: () => getRecommendations(user, n, false),
      render: (found) => show(found, n),
    });
    announceStart();
    return done;
  }

  function show(found, n) {
    note.textContent = `by ${found.model.name}, version ${found.model.version}`;
    if (found.items.length === 0) return emptyState('Nothing to recommend', 'Every item has been seen, or none is published.');
    reasons = explain(found, n);
    const more = found.items.length === n && n < MOST;
    return [h('ul', { class: 'grid' }, found.items.map(recommended)), more && moreButton(n)];
  }

  function recommended({ item, rank }) {
    const slot = h('div', { class: 'reason reason--none' }, lineBones(2));
    slots.set(item.id, slot);
    return card(item, { user, rank, extra: slot, eager: rank <= 6 });
  }

  async function explain(found, n) {
    const answer = await getRecommendations(user, n, true).catch(failed);
    const byItem = new Map(answer.items.map((entry) => [entry.item.id, entry]));
    if (answer.reasons) note.textContent = `Reasons are missing: ${answer.reasons.detail}. ${answer.reasons.remedy}.`;
    for (const { item } of found.items) {
      const slot = slots.get(item.id);
      if (answer.reasons) slot.remove();
      else showReason(slot, byItem.get(item.id)?.reason);
    }
    return byItem;
  }

  function failed(error) {
    const { detail, remedy } = asProblem(error);
    return { items: [], reasons: { detail, remedy } };
  }

  function moreButton(n) {
    return h('div', { class: 'more' }, h('button', { type: 'button', class: 'button', onclick: grow }, 'Show more'));

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
  slot.replaceChildren(reason ? reason.text : 'No path in the graph leads here; other users’ taste does.');
}
