/** The refresh view: the last runs, step by step, a button for another one, and what happens while it goes on. */
import { asProblem, getRefreshRuns, isAborted, startRefresh } from './api.js';
import { h } from './dom.js';
import { duration, runCard, runRow, stepName } from './refresh-run.js';
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
  const button = h('button', { type: 'button', class: 'button button--main', onclick: start }, 'Refresh now');
  const left = new AbortController();
  const opened = new Set();
  let timer = null;
  let seen = '';
  let said = '';
  let asked = null;
  look();

  const lead = h('p', { class: 'soft' }, 'New data, vectors, tags, snapshot, model, index, and what is written back into the graph. A step without news is skipped.');
  const choice = h('label', { class: 'refresh__full' }, full, h('span', {}, 'Every step, news or not'));
  const head = h('div', { class: 'refresh__head' }, h('div', { class: 'refresh__lead' }, h('h1', {}, 'Refresh'), lead), h('div', { class: 'refresh__ask' }, button, choice));
  const element = h('div', { class: 'refresh' }, head, status, trouble, runs);
  return { element, title: 'Refresh · Interlace', reasonFor: async () => null, leave };

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
    button.textContent = going ? 'Refreshing …' : 'Refresh now';
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
    if (!newest) return [emptyState('No refresh yet', 'The first one reads your sources, encodes, trains and publishes: with the button here, or interlace refresh.')];
    const rows = earlier.map((run) => runRow(run, opened));
    return [runCard(newest), rows.length > 0 && h('h2', { class: 'runs__earlier' }, 'Earlier'), rows.length > 0 && h('ul', { class: 'runs__list', 'aria-label': 'Earlier refreshes' }, rows)].filter(Boolean);
  }

  /** For those who do not see the bars: the step that is being done, and how it ended. */
  function tell(going, newest) {
    const step = going?.steps.find((one) => one.state === 'running');
    let words = said;
    if (going) words = step ? `Refreshing: ${stepName(step)}` : 'Refreshing';
    else if (newest && newest.id === asked) words = `Refresh ${newest.state} after ${duration(newest.seconds ?? 0)}`;
    if (words !== said) status.textContent = words;
    said = words;
  }
}

const goesOn = (run) => run.state === 'running';
