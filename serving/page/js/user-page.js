/** A user's page: who they are, what they liked, what is recommended to them. */
import { getUser } from './api.js';
import { card } from './cards.js';
import { h } from './dom.js';
import { count, facts, nativeId, userName } from './format.js';
import { avatar } from './people.js';
import { recommendationsSection } from './recommendations.js';
import { section } from './section.js';
import { cardBones, emptyState, fill } from './states.js';

const HISTORY = 60;
const SHOWN = 20;
/** Ratings from here on count as a like, as in the training of the models. */
const LIKED = 4;
const NOT_LIKED = new Set(['skipped', 'hidden', 'impressed']);

export function userPage(id) {
  const recommended = recommendationsSection(id);
  const region = h('div');
  const element = h('div', {}, region);
  const known = fill(region, {
    bones: () => [h('div', { class: 'bone bone--title' }), h('ul', { class: 'shelf section' }, cardBones(8))],
    load: () => getUser(id, HISTORY),
    render: (user) => [head(user), history(user), recommended.element],
  });
  known.then((user) => user && recommended.start());
  return { element, title: `User ${nativeId(id)} · Interlace`, reasonFor: recommended.reasonFor };
}

function head(user) {
  const line = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
  const known = facts(user.properties, 4).map(([name, value]) => line(name, value));
  return h(
    'div',
    { class: 'person' },
    avatar(user),
    h(
      'div',
      {},
      h('h1', { tabindex: -1 }, userName(user)),
      h('dl', { class: 'person__facts' }, line('Platform', user.platform), known, line('History', count(user.interactions, 'interaction'))),
    ),
  );
}

function history(user) {
  const liked = user.history.filter(isLike);
  const shown = (liked.length > 0 ? liked : user.history).slice(0, SHOWN);
  const title = liked.length > 0 ? 'Recently liked' : 'Recent activity';
  const name = userName(user);
  const shelf = () => h('ul', { class: 'shelf', tabindex: 0, 'aria-label': title }, shown.map((event) => eventCard(event, user.id)));
  const empty = () => emptyState('Nothing yet', `${name} has no interactions: what is recommended rests on what is popular.`);
  return section(title, shown.length > 0 ? shelf() : empty());
}

function isLike({ kind, value }) {
  return !NOT_LIKED.has(kind) && (value === null || value >= LIKED);
}

function eventCard({ item, kind, value }, user) {
  const mark = value === null ? h('span', {}, kind) : h('span', { class: 'stars', title: `${kind} ${value}` }, `★ ${value}`);
  return card(item, { user, meta: mark, chips: false });
}
