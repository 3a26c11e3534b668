/** A user's home: what is recommended to them, shelves around what they liked, what they did. */
import { getUser } from './api.js';
import { CONSENT, PROFILE, USER_EDIT, whenCan } from './capabilities.js';
import { card } from './cards.js';
import { h } from './dom.js';
import { count, facts, nativeId, userName } from './format.js';
import { known, t } from './i18n.js';
import { icon } from './icons.js';
import { avatar } from './people.js';
import { profileButton } from './profile-card.js';
import { personalDataButton } from './personal-data.js';
import { playlistAddress } from './playlist-address.js';
import { recommendationsSection } from './recommendations.js';
import { address, here } from './router.js';
import { scenarioPicker } from './scenario-picker.js';
import { scenarioShelves } from './scenario-shelves.js';
import { section } from './section.js';
import { shelf } from './shelf.js';
import { cardBones, emptyState, fill } from './states.js';
import { isLike, tasteShelves } from './taste-shelves.js';

const HISTORY = 60;
const SHOWN = 20;

export function userPage(id) {
  const recommended = recommendationsSection(id);
  const picker = scenarioPicker((scenario) => address({ user: id, scenario }));
  const body = h('div', { class: 'scenario' });
  let scenario = here().scenario;
  let shelves = scenario && scenarioShelves(id, scenario);
  let everything = null;
  const region = h('div');
  const element = h('div', {}, region);
  if (!scenario) recommended.start();
  fill(region, {
    bones: () => [h('div', { class: 'bone bone--title' }), h('ul', { class: 'grid section' }, cardBones(8))],
    load: () => getUser(id, HISTORY),
    render: (user) => {
      everything = () => [recommended.element, tasteShelves(user), history(user)].flat();
      body.replaceChildren(...(shelves ? [shelves.element] : everything()));
      return [head(user, again), picker.element, body];
    },
  });
  return { element, title: `${t('user-id', { id: nativeId(id) })} · Interlace`, reasonFor, turn };

  function reasonFor(item) {
    return shelves ? shelves.reasonFor(item) : recommended.reasonFor(item);
  }

  /** Another scenario for the same user: what is above the shelves stays, and so does the focus. */
  function turn(next) {
    if (next === scenario) return;
    scenario = next;
    picker.mark();
    again();
  }

  function again() {
    shelves = scenario && scenarioShelves(id, scenario);
    if (!shelves) recommended.start();
    if (everything) body.replaceChildren(...(shelves ? [shelves.element] : everything()));
  }
}

/** `again`: what to do when something else is recommended now. */
function head(user, again) {
  const line = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
  const known = facts(user.properties, 4).map(([name, value]) => line(name, value));
  const weekly = h('a', { class: 'button', href: playlistAddress({ mode: 'week', seeds: { user: user.id } }) }, icon('list'), t('playlists'));
  const tools = h('div', { class: 'person__tools' }, weekly);
  whenCan(PROFILE, tools, () => profileButton(user, again));
  whenCan(CONSENT, tools, () => personalDataButton(user, again));
  whenCan(USER_EDIT, tools, () => h('button', { type: 'button', class: 'button', onclick: async () => (await import('./user-form.js')).userForm(user) }, icon('edit'), t('edit')));
  return h(
    'div',
    { class: 'person' },
    avatar(user),
    h(
      'div',
      { class: 'person__head' },
      h('h1', { tabindex: -1 }, userName(user)),
      h('dl', { class: 'person__facts' }, line(t('platform'), user.platform), known, line(t('history'), count(user.interactions))),
    ),
    tools,
  );
}

function history(user) {
  const liked = user.history.filter(isLike);
  const shown = (liked.length > 0 ? liked : user.history).slice(0, SHOWN);
  const title = liked.length > 0 ? t('recently-liked') : t('recent-activity');
  const empty = () => emptyState(t('nothing-yet'), t('name-has-no-interactions-what-is', { name: userName(user) }));
  return section(title, shown.length > 0 ? shelf(title, shown.map((event) => eventCard(event, user.id))) : empty());
}

function eventCard({ item, kind, value }, user) {
  const mark = value === null ? h('span', {}, known(kind, kind)) : h('span', { class: 'stars', title: `${known(kind, kind)} ${value}` }, `★ ${value}`);
  return card(item, { user, meta: mark, chips: false });
}
