/** The first page: who to look as, and what the catalogue has. */
import { findItems, findUsers } from './api.js';
import { card } from './cards.js';
import { h } from './dom.js';
import { userCard } from './people.js';
import { section } from './section.js';
import { cardBones, emptyState, fill, rowBones } from './states.js';

const USERS = 12;
const ITEMS = 16;

export function homePage() {
  const users = h('div');
  const items = h('div');
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
      h('h1', { tabindex: -1 }, 'Whose recommendations do you want to see?'),
      h('p', {}, 'Choose a user to see what is recommended to them, and why: every reason is a path in the graph.'),
      h('p', { class: 'welcome__ways' }, way('#/discover', 'Search by meaning'), way('#/new', 'Start as somebody new')),
    ),
    section('Users', users),
    section('Popular in the catalogue', items),
  );
  return { element, title: 'Interlace', reasonFor: async () => null };
}

const way = (href, name) => h('a', { class: 'button', href }, name);

function showUsers(users) {
  if (users.length === 0) return emptyState('No users yet', 'Ingest interactions and publish an index: interlace ingest, then interlace train.');
  return h('ul', { class: 'people' }, users.map(userCard));
}

function showItems(items) {
  if (items.length === 0) return emptyState('No items yet', 'Ingest a dataset folder: interlace ingest FOLDER.');
  return h('ul', { class: 'shelf', tabindex: 0, 'aria-label': 'Popular items' }, items.map((item) => card(item, { chips: false })));
}
