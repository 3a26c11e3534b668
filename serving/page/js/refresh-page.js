/** The refresh view: the last runs, step by step, a button for another one, and what happens while it goes on. */
import { asProblem, getRefreshRuns, isAborted, startRefresh } from './api.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { STATES, duration, runCard, runRow, stepName } from './refresh-run.js';
import { emptyState, errorState, lineBones } from './states.js';

const SHOWN = 20;
/** Milliseconds between two looks: while a run goes on, and while nothing does (a schedule may begin one). */
const BUSY = 1200;
const IDLE = 15000;

export function refreshPage() {
  const runs = h('div', { class: 'runs', 'aria-busy': 'true' }, lineBones(4));
  const trouble = h('div', { class: 'refresh__trouble' });
  const status = h('p', { class: 'visually-hidden', role: 'status' });
  const full = h('input', { type: 'checkbox' });
  const button = h('button', { type: 'button', class: 'button button--main', onclick: start }, t('refresh-now'));
  const left = new AbortController();
  const opened = new Set();
  let timer = null;
  let seen = '';
  let said = '';
  let asked = null;
  look();

  const lead = h('p', { class: 'soft' }, t('new-data-vectors-tags-snapshot-model'));
  const choice = h('label', { class: 'refresh__full' }, full, h('span', {}, t('every-step-news-or-not')));
  const head = h('div', { class: 'refresh__head' }, h('div', { class: 'refresh__lead' }, h('h1', {}, t('refresh')), lead), h('div', { class: 'refresh__ask' }, button, choice));
  const element = h('div', { class: 'refresh' }, head, status, trouble, runs);
  return { element, title: `${t('refresh')} · Interlace`, reasonFor: async () => null, leave };

  function leave() {
    clearTimeout(timer);
    left.abort();
  }

  async function look() {
    clearTimeout(timer);
    let pause = IDLE;
    try {
      const found = await getRefreshRuns(SHOWN, left.signal);
      show(found);
      if (found.some(goesOn)) pause = BUSY;
    } catch (error) {
      if (isAborted(error)) return;
      fail(error);
    }
    if (!left.signal.aborted) timer = setTimeout(look, pause);
  }

  async function start() {
    button.disabled = true;
    trouble.replaceChildren();
    try {
      asked = (await startRefresh({ full: full.checked })).id;
      full.checked = false;
    } catch (error) {
      trouble.replaceChildren(errorState(asProblem(error), null, true));
    }
    await look();
  }

  function fail(error) {
    seen = '';
    runs.removeAttribute('aria-busy');
    runs.replaceChildren(errorState(asProblem(error), look));
    button.disabled = false;
  }

  /** Drawn anew only where something changed; what was opened or had the focus keeps it. */
  function show(found) {
    const going = found.find(goesOn);
    button.disabled = going !== undefined;
    button.textContent = going ? t('refreshing') : t('refresh-now');
    tell(going, found[0]);
    const now = JSON.stringify(found);
    if (now === seen && !going) return;
    seen = now;
    const focused = runs.contains(document.activeElement) ? document.activeElement.closest('[data-run]')?.dataset.run : null;
    runs.removeAttribute('aria-busy');
    runs.replaceChildren(...drawn(found));
    if (focused) runs.querySelector(`[data-run="${CSS.escape(focused)}"] summary`)?.focus();
  }

  function drawn([newest, ...earlier]) {
    if (!newest) return [emptyState(t('no-refresh-yet'), t('the-first-one-reads-your-sources'))];
    const rows = earlier.map((run) => runRow(run, opened));
    return [runCard(newest), rows.length > 0 && h('h2', { class: 'runs__earlier' }, t('earlier')), rows.length > 0 && h('ul', { class: 'runs__list', 'aria-label': t('earlier-refreshes') }, rows)].filter(Boolean);
  }

  /** For those who do not see the bars: the step that is being done, and how it ended. */
  function tell(going, newest) {
    const step = going?.steps.find((one) => one.state === 'running');
    let words = said;
    if (going) words = step ? t('refreshing-step', { step: stepName(step) }) : t('refreshing');
    else if (newest && newest.id === asked) words = t('refresh-state-after-time', { state: (STATES[newest.state] ?? newest.state).toLowerCase(), time: duration(newest.seconds ?? 0) });
    if (words !== said) status.textContent = words;
    said = words;
  }
}

const goesOn = (run) => run.state === 'running';
