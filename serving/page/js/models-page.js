/** The models view: which model answers, how good each published version is, how that went over the refreshes. */
import { getModels, getRefreshRuns } from './api.js';
import { bars, line } from './charts.js';
import { h } from './dom.js';
import { metric } from './format.js';
import { list, parts, t } from './i18n.js';
import { icon } from './icons.js';
import { when } from './refresh-run.js';
import { section } from './section.js';
import { emptyState, fill, lineBones } from './states.js';

const RUNS = 50;
const AT = 10;
const FROM_0_TO_1 = ['ndcg', 'recall', 'precision', 'hr', 'mrr', 'map', 'coverage', 'auc'];
const ABOUT = {
  ndcg: () => t('the-best-ones-first'),
  recall: () => t('share-of-what-they-liked-that'),
  precision: () => t('share-of-the-list-that-they'),
  hr: () => t('users-with-at-least-one-hit'),
  mrr: () => t('how-early-the-first-hit-comes'),
  map: () => t('hits-the-earlier-the-better'),
  coverage: () => t('share-of-the-catalogue-that-is'),
};

export function modelsPage() {
  const published = h('div');
  const trend = h('div');
  const lead = parts('measured-on-what-people-did-later', { command: h('code', {}, 'interlace mlflow') });
  const head = h('div', { class: 'view__head' }, h('div', { class: 'view__lead' }, h('h1', { tabindex: -1 }, t('models')), h('p', { class: 'soft' }, lead)));
  fill(published, { bones: () => lineBones(6), load: getModels, render: showModels });
  fill(trend, { bones: () => lineBones(3), load: () => getRefreshRuns(RUNS), render: showTrend, small: true });
  const element = h('div', { class: 'models-view' }, head, section(t('published-versions'), published), section(t('over-the-refreshes'), trend));
  return { element, title: `${t('models')} · Interlace`, reasonFor: async () => null };
}

function showModels(models) {
  if (models.length === 0) return emptyState(t('no-model-yet'), t('train-one-interlace-train'));
  return h('ul', { class: 'model-cards' }, models.map(modelCard));
}

function modelCard({ name, version, champion, metrics }) {
  const mark = champion && h('span', { class: 'models__champion' }, t('answers-now'));
  const tables = metricTable(metrics);
  return h('li', { class: champion ? 'model-card model-card--champion' : 'model-card' }, h('h3', { class: 'model-card__name' }, t('name-version-version', { name, version }), mark), tables);
}

/** Bars of what is measured among the first ten; every other cut in a table that opens. */
function metricTable(metrics) {
  const plain = Object.entries(metrics).map(([key, value]) => [key.replace(/^.*\//, ''), value]);
  const main = plain.filter(([key]) => key.endsWith(`@${AT}`) && FROM_0_TO_1.includes(key.split('@')[0])).sort(([one], [other]) => place(one) - place(other));
  const rows = (main.length > 0 ? main : plain.filter(([, value]) => value >= 0 && value <= 1)).map(([key, value]) => [[h('b', {}, key), h('span', { class: 'soft small' }, ABOUT[key.split('@')[0]]?.() ?? '')], value, metric(value)]);
  const others = plain.filter(([key]) => !main.some(([one]) => one === key));
  const line = ([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, metric(value)));
  const more = others.length > 0 && h('details', { class: 'model-card__more' }, h('summary', {}, t('every-metric')), h('dl', { class: 'models__metrics' }, others.map(line)));
  return [rows.length > 0 ? bars(rows, t('metrics')) : h('p', { class: 'soft' }, t('no-metrics-were-published-with-it')), more];
}

const place = (key) => FROM_0_TO_1.indexOf(key.split('@')[0]);

/** The measure that training reports, run by run, with the way to each run in MLflow. */
function showTrend(runs) {
  const trained = runs.flatMap((run) => run.steps.filter(({ name, state }) => name === 'train' && state === 'done').map(({ counts }) => ({ run, measured: measureOf(counts) }))).filter(({ measured }) => measured).reverse();
  if (trained.length === 0) return emptyState(t('nothing-trained-yet'), t('each-refresh-that-trains-adds-a'), true);
  const values = trained.map(({ measured }) => measured[1]);
  const name = trained.at(-1).measured[0];
  const said = t('name-over-the-refreshes-values', { name, values: list(values.map(metric)) });
  const entry = ({ run, measured }) =>
    h('li', { class: 'trend__run' }, when(run.started), h('b', {}, metric(measured[1])), run.model_version && h('span', { class: 'soft' }, t('version-version', { version: run.model_version })), run.mlflow && h('a', { class: 'run__mlflow', href: run.mlflow, target: '_blank', rel: 'noreferrer' }, t('open-in-mlflow'), ' ', icon('out')));
  return h('div', { class: 'trend' }, h('figure', {}, values.length > 1 && line(values, said), h('figcaption', { class: 'soft small' }, said)), h('ol', { class: 'trend__runs small', reversed: true }, [...trained].reverse().map(entry)));
}

const measureOf = (counts) => Object.entries(counts).find(([key, value]) => key.includes('@') && typeof value === 'number') ?? null;
