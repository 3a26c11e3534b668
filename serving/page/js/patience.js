/** Asking again while a part of the server is still starting (503): the encoders, at their first use. */
import { Problem } from './api.js';
import { t } from './i18n.js';

const STARTING = 503;
const PAUSES = [1500, 3000, 5000, 8000, 12000];

/** What `load` resolves to, after some attempts if need be. `say` is told what is waited for, and '' when it is over. */
export async function patiently(load, { say, signal }) {
  for (const [place, pause] of PAUSES.entries()) {
    try {
      const value = await load();
      say('');
      return value;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== STARTING) throw said(error, say);
      say(t('not-ready-yet-detail-trying-again', { detail: error.detail, place: place + 1, most: PAUSES.length }));
      await pausing(pause, signal);
    }
  }
  return load().finally(() => say(''));
}

/** An aborted attempt says nothing: the one that came after it speaks. */
function said(error, say) {
  if (error instanceof Problem) say('');
  return error;
}

function pausing(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
