/** The query view: an editor for Cypher, what is in the graph beside it, the answer as a table and as a drawing below. */
import { asProblem, isAborted, runCypher } from './api.js';
import { h } from './dom.js';
import { number, t } from './i18n.js';
import { queryEditor } from './query-editor.js';
import { remember } from './query-history.js';
import { parametersField } from './query-parameters.js';
import { results } from './query-results.js';
import { querySidebar } from './query-sidebar.js';
import { queryAddress } from './router.js';
import { errorState, lineBones } from './states.js';

const START = 'MATCH (n)\nUNWIND labels(n) AS label\nRETURN label, count(*) AS nodes\nORDER BY nodes DESC';
const TITLES = { 403: t('this-query-is-not-allowed'), 422: t('this-query-cannot-run'), 504: t('this-query-took-too-long') };
const MAC = navigator.platform.startsWith('Mac');

export async function queryPage(search) {
  const parameters = parametersField();
  const editor = await queryEditor({ text: START, run });
  const answer = h('div', { class: 'query__answer' });
  const status = h('p', { class: 'query__status', role: 'status' });
  const button = h('button', { type: 'button', class: 'button button--main', onclick: () => (running ? running.abort() : run()) }, t('run'));
  const sidebar = querySidebar({ insert: editor.insert, open, history: load });
  let running = null;
  visit(search);

  const bar = h('div', { class: 'query__bar' }, button, h('kbd', { class: 'query__key' }, MAC ? '⌘ Enter' : 'Ctrl Enter'), status);
  const main = h('div', { class: 'query__main' }, h('div', { class: 'query__box' }, editor.element, parameters.element, bar), answer);
  const title = h('h1', { class: 'visually-hidden' }, t('query-the-graph'));
  const element = h('div', { class: 'query' }, title, sidebar.element, main);
  return { element, title: `${t('query')} · Interlace`, reasonFor: async () => null, revisit: visit, leave: () => running?.abort() };

  function visit(wish) {
    if (wish?.has('cypher')) load({ query: wish.get('cypher'), parameters: wish.get('parameters') ?? '' });
  }

  function load({ query, parameters: values = '' }) {
    editor.write(query);
    parameters.write(values);
    editor.focus();
  }

  /** An example: runs at once. */
  function open(query) {
    load({ query });
    run();
  }

  async function run() {
    running?.abort();
    editor.clearError();
    const query = editor.read();
    if (!query.trim()) return;
    const own = new AbortController();
    running = own;
    begin();
    try {
      const body = { query, parameters: parameters.read() };
      show(body, await runCypher(body, own.signal));
    } catch (error) {
      if (running === own) fail(error);
    } finally {
      if (running === own) end();
    }
  }

  function begin() {
    button.textContent = t('stop');
    status.textContent = t('running');
    answer.setAttribute('aria-busy', 'true');
    answer.replaceChildren(h('div', { class: 'query__bones' }, lineBones(4)));
  }

  function end() {
    running = null;
    button.textContent = t('run');
    answer.removeAttribute('aria-busy');
  }

  function show(body, found) {
    const { rows, seconds, truncated } = found;
    status.textContent = t('n-rowcut-in-seconds-s', { n: rows.length, cut: truncated ? ` ${t('cut-off')}` : '', seconds: number(seconds) });
    answer.replaceChildren(results(body, found));
    history.replaceState(null, '', queryAddress(body.query, body.parameters));
    sidebar.showHistory(remember({ query: body.query, parameters: parameters.text() }));
  }

  function fail(error) {
    if (isAborted(error)) {
      status.textContent = t('stopped');
      answer.replaceChildren();
      return;
    }
    const problem = asProblem(error);
    problem.title = TITLES[problem.status] ?? problem.title;
    status.textContent = t('no-answer');
    editor.showError(problem.detail);
    answer.replaceChildren(errorState(problem));
  }
}
