/** Which model answers, and how well: a button in the header that opens the list. */
import { asProblem, getModels } from './api.js';
import { h } from './dom.js';
import { parts, t } from './i18n.js';
import { metric } from './format.js';
import { emptyState, errorState } from './states.js';

const TELLING = ['ndcg@10', 'recall@10', 'hr@10', 'mrr@10', 'coverage@10', 'auc'];
const MOST = 6;

export function modelsTool() {
  const name = h('span', {}, t('models'));
  const dot = h('span', { class: 'tool__dot', 'aria-hidden': 'true' });
  const list = h('div', { class: 'models', id: 'models', popover: 'auto', role: 'region', 'aria-label': t('models') });
  const button = h('button', { type: 'button', class: 'tool', popovertarget: 'models', 'aria-label': t('models-and-metrics') }, dot, name);
  load();
  return [button, list];

  async function load() {
    try {
      show(await getModels());
    } catch (error) {
      list.replaceChildren(errorState(asProblem(error), load, true));
    }
  }

  function show(models) {
    const champion = models.find((model) => model.champion);
    dot.classList.toggle('tool__dot--on', champion !== undefined);
    if (champion) dress(button, name, champion);
    list.replaceChildren(
      h('h2', {}, t('models')),
      models.length > 0 ? h('ul', { class: 'models__list' }, models.map(modelEntry)) : emptyState(t('no-model-yet'), t('train-one-interlace-train'), true),
      h('p', { class: 'soft small' }, parts('runs-parameters-and-every-metric-are', { command: h('code', {}, 'interlace mlflow') })),
      h('a', { class: 'button', href: '#/models', onclick: () => list.hidePopover() }, t('all-models-and-metrics')),
    );
  }
}

function dress(button, name, { name: model, version, metrics }) {
  const [first] = telling(metrics);
  const measured = first && h('span', { class: 'tool__more' }, ` · ${first[0]} ${metric(first[1])}`);
  name.replaceChildren(h('b', {}, model), ` v${version}`, measured ?? '');
  button.setAttribute('aria-label', t('name-models-and-metrics', { name: name.textContent }));
}

function modelEntry({ name, version, champion, metrics }) {
  const values = telling(metrics).map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, metric(value))));
  const mark = champion && h('span', { class: 'models__champion' }, t('answers-now'));
  return h('li', {}, h('p', { class: 'models__name' }, t('name-version-version', { name, version }), mark), h('dl', { class: 'models__metrics' }, values));
}

/** The metrics people ask for first, under whatever prefix they were logged. */
function telling(metrics) {
  const plain = Object.entries(metrics).map(([key, value]) => [key.replace(/^.*\//, ''), value]);
  const place = ([key]) => (TELLING.includes(key) ? TELLING.indexOf(key) : TELLING.length);
  return plain.sort((one, other) => place(one) - place(other)).slice(0, MOST);
}
