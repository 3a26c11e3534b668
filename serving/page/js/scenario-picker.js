/** Which home page of the chosen user is shown: everything, or a scenario. In the address as `scenario`. */
import { asProblem, getScenarios } from './api.js';
import { h } from './dom.js';
import { language, t } from './i18n.js';
import { here } from './router.js';

let asked = null;

/** The scenarios of this server, asked for once; none where they cannot be had. */
export function scenarios() {
  asked ??= getScenarios().catch((error) => {
    console.info('No scenarios to choose from:', asProblem(error).detail);
    asked = null;
    return [];
  });
  return asked;
}

/** `addressOf(name)`: where a choice leads; name null: no scenario. Links, so that a choice can be shared and gone back from. */
export function scenarioPicker(addressOf) {
  const list = h('ul', { class: 'scenarios__list' });
  const element = h('nav', { class: 'scenarios', 'aria-label': t('scenario') }, list);
  scenarios().then((found) => {
    if (found.length === 0) return element.remove();
    const own = ({ name, title }) => choice(name, title[language]);
    list.replaceChildren(choice(null, t('everything')), ...found.map(own));
    mark();
  });
  return { element, mark };

  function choice(name, text) {
    return h('li', {}, h('a', { class: 'scenarios__link', href: addressOf(name), 'data-scenario': name ?? '' }, text));
  }

  function mark() {
    for (const link of list.querySelectorAll('a')) {
      if (link.dataset.scenario === (here().scenario ?? '')) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    const chosen = list.querySelector('[aria-current]');
    if (chosen) list.scrollLeft = chosen.offsetLeft - (list.clientWidth - chosen.offsetWidth) / 2;
  }
}
