/** Where a list is made: everything that it is made from stands in the address. */
import { viewAddress } from './router.js';

/** `mode`: list, radio or week. `seeds`: what it starts from, as the API takes it. */
export function playlistAddress({ mode = 'list', seeds = {}, n = null, minutes = null, familiarity = null, item = null }) {
  const from = Object.keys(seeds).length > 0 && JSON.stringify(seeds);
  const dial = mode === 'week' && familiarity !== null && String(familiarity);
  return viewAddress('playlists', { mode: mode !== 'list' && mode, from, n: mode === 'list' && n, minutes: mode === 'list' && minutes, familiarity: dial, item });
}
