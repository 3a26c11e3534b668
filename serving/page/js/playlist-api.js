/** Lists to be played one after the other, and what goes on with a session. Nothing of it is kept by the server. */
import { get, send } from './api.js';

export const makePlaylist = (wish, signal) => send('POST', ['playlists'], wish, signal);
export const playNext = (session, signal) => send('POST', ['radio'], session, signal);
export const discoverWeekly = (user, familiarity, signal) => get(['users', user, 'discovery'], { familiarity }, signal);
