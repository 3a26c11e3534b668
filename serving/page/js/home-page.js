/** The first page: who to look as, and what the catalogue has. */
import { findItems, findUsers } from './api.js';
import { card } from './cards.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { userCard } from './people.js';
import { address } from './router.js';
import { scenarioPicker } from './scenario-picker.js';
import { section } from './section.js';
import { shelf } from './shelf.js';
import { cardBones, emptyState, fill, rowBones } from './states.js';

const USERS = 12;
const ITEMS = 16;

export function homePage() {
  const users = h('div');
  const items = h('div');
  const picker = scenarioPicker((scenario) => address({ scenario }));
  fill(users, {
    bones: () => h('ul', { class: 'people' }, rowBones(6)),
    load: () => findUsers('', USERS),
    render: showUsers,
  });
  fill(items, { bones: () => h('ul', { class: 'shelf' }, cardBones(8)), load: () => findItems('', ITEMS), render: showItems });
  const element = h(
    'div',
    {},
    h(
      'div',
      { class: 'welcome' },
      h('h1', { tabindex: -1 }, t('whose-recommendations-do-you-want-to')),
      h('p', {}, t('choose-a-user-to-see-what')),
      h('p', { class: 'welcome__ways' }, way('#/discover', t('search-by-meaning')), way('#/new', t('start-as-somebody-new'))),
    ),
    picker.element,
    section(t('users'), users),
    section(t('popular-in-the-catalogue'), items),
  );
  return { element, title: 'Interlace', reasonFor: async () => null, turn };

  /** Whoever is chosen is shown as the scenario has it: their links say so. */
  function turn() {
    picker.mark();
    for (const link of users.querySelectorAll('.people__link')) link.href = address({ user: link.dataset.user });
    for (const link of items.querySelectorAll('.card__title a')) link.href = address({ item: link.dataset.item });
  }
}

const way = (href, name) => h('a', { class: 'button', href }, name);

function showUsers(users) {
  if (users.length === 0) return emptyState(t('no-users-yet'), t('ingest-interactions-and-publish-an-index'));
  return h('ul', { class: 'people' }, users.map((user) => userCard(user)));
}

function showItems(items) {
  if (items.length === 0) return emptyState(t('no-items-yet'), t('ingest-a-dataset-folder-interlace-ingest'));
  return shelf(t('popular-items'), items.map((item) => card(item, { chips: false })));
}
