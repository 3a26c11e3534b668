/** One refresh as people read it: how it ended, when, who asked, and its steps as bars on one line of time. */
import { h } from './dom.js';
import { known, locale, number, t } from './i18n.js';
import { metric, words } from './format.js';
import { icon } from './icons.js';

export const STATES = { running: t('running-2'), done: t('done'), failed: t('failed'), interrupted: t('interrupted'), skipped: t('skipped') };
const MARKS = { running: '', done: '✓', failed: '!', interrupted: '‖', skipped: '–' };
const ASKED = { command: t('by-command'), api: t('by-the-page-or-the-api'), schedule: t('by-schedule'), demo: t('by-the-demo') };

/** The newest run, open. */
export function runCard(run) {
  const head = h('div', { class: 'run__head' }, pill(run.state), h('h2', {}, when(run.started)), h('p', { class: 'soft small run__asked' }, ASKED[run.trigger] ?? run.trigger));
  return h('article', { class: `run run--${run.state}`, 'aria-label': t('newest-refresh-state', { state: STATES[run.state] ?? run.state }), 'data-run': run.id }, head, body(run));
}

/** An earlier one: a line that opens. `opened` remembers which are open. */
export function runRow(run, opened) {
  const done = run.steps.filter((step) => step.state === 'done').map(stepName);
  const what = run.error || (done.length > 0 ? done.join(', ') : t('nothing-was-new'));
  const line = h('summary', { class: 'run__line' }, pill(run.state), h('span', { class: 'run__when' }, when(run.started)), h('span', { class: 'run__what soft small' }, what), h('span', { class: 'run__took small' }, duration(took(run))));
  const details = h('details', { open: opened.has(run.id), ontoggle: () => (details.open ? opened.add(run.id) : opened.delete(run.id)) }, line, body(run));
  return h('li', { class: `run run--row run--${run.state}`, 'data-run': run.id }, details);
}

function body(run) {
  return h('div', { class: 'run__body' }, run.error && h('p', { class: 'run__error' }, run.error), steps(run), facts(run));
}

function steps(run) {
  if (run.steps.length === 0) return run.state === 'running' ? h('p', { class: 'soft' }, t('starting')) : null;
  const lengths = run.steps.map((step) => (step.state === 'running' ? sinceLast(run) : step.seconds));
  const whole = Math.max(lengths.reduce((sum, length) => sum + length, 0), 0.001);
  let at = 0;
  const rows = run.steps.map((step, place) => {
    const [from, part] = [at / whole, lengths[place] / whole];
    at += lengths[place];
    return stepRow(step, lengths[place], from, part);
  });
  return h('ol', { class: 'steps', 'aria-label': t('steps') }, rows);
}

function stepRow(step, seconds, from, part) {
  const shown = step.state !== 'skipped';
  const bar = h('span', { class: 'step__track', 'aria-hidden': 'true' }, shown && h('span', { class: 'step__bar', vars: { '--from': from, '--part': part } }));
  const name = h('span', { class: 'step__name' }, stepName(step), h('span', { class: 'visually-hidden' }, `: ${STATES[step.state] ?? step.state}`));
  const mark = h('span', { class: 'step__mark', 'aria-hidden': 'true' }, MARKS[step.state] ?? '');
  const counts = Object.entries(step.counts).filter(([, value]) => value !== 0 && value !== '').map(([key, value]) => h('li', { class: 'chip' }, counted(value, key)));
  const why = h('p', { class: 'step__why soft small' }, step.state === 'skipped' ? t('skipped-why', { why: step.why }) : step.why);
  const more = h('div', { class: 'step__more' }, why, counts.length > 0 && h('ul', { class: 'chips', 'aria-label': t('counts') }, counts));
  return h('li', { class: `step step--${step.state}` }, mark, name, bar, h('span', { class: 'step__took small' }, shown ? duration(seconds) : ''), more);
}

function facts(run) {
  const pairs = [
    [t('took'), duration(took(run))],
    [t('model'), run.model_version && t('version-version', { version: run.model_version })],
    [t('index'), run.index && h('code', {}, run.index)],
    [t('run'), h('code', {}, run.id)],
  ].filter(([, value]) => value);
  const list = h('dl', { class: 'run__facts small' }, pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
  const link = run.mlflow && h('a', { class: 'run__mlflow small', href: run.mlflow, target: '_blank', rel: 'noreferrer' }, t('open-in-mlflow'), ' ', icon('out'));
  return h('div', { class: 'run__foot' }, list, link);
}

function pill(state) {
  return h('span', { class: `pill pill--${state}` }, h('span', { class: 'pill__mark', 'aria-hidden': 'true' }, MARKS[state] ?? ''), STATES[state] ?? state);
}

export const stepName = (step) => known(step.name, words(step.name.replaceAll('-', '_')));

const now = () => Date.now() / 1000;

const took = (run) => run.seconds ?? (run.state === 'running' ? Math.max(0, now() - run.started) : run.steps.reduce((sum, step) => sum + step.seconds, 0));

/** A step that is being done has no seconds yet: what the run took beyond those that ended. */
const sinceLast = (run) => Math.max(0, now() - run.started - run.steps.reduce((sum, step) => sum + step.seconds, 0));

/** `0.4 s`, `42 s`, `3 min 12 s`, `2 h 5 min`. */
export function duration(seconds) {
  if (seconds < 10) return t('seconds-s', { seconds: number(seconds, { minimumFractionDigits: 1, maximumFractionDigits: 1 }) });
  const whole = Math.round(seconds);
  if (whole < 60) return t('seconds-s', { seconds: whole });
  if (whole < 3600) return t('minutes-min-seconds-s', { minutes: Math.floor(whole / 60), seconds: whole % 60 });
  return t('hours-h-minutes-min', { hours: Math.floor(whole / 3600), minutes: Math.floor((whole % 3600) / 60) });
}

export function when(seconds) {
  const date = new Date(seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const day = today ? t('today') : date.toLocaleDateString(locale, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
  return h('time', { datetime: date.toISOString(), title: date.toLocaleString(locale) }, t('day-time', { day, time }));
}

/** `1,804 relationships`, `1 source`, `0.2511 ndcg@10`; a count that is words stays words. */
function counted(value, key) {
  if (typeof value === 'string') return `${known(key, key)}: ${value}`;
  return `${shown(value)} ${known(key, value === 1 ? key.replace(/s$/, '') : key)}`;
}

const shown = (value) => (Number.isInteger(value) ? number(value) : metric(value));
