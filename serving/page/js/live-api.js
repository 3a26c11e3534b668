/** What needs no refresh: search by meaning, newcomers, labels, items put and deleted. */
import { get, send } from './api.js';

export const searchItems = (wish, signal) => send('POST', ['search'], wish, signal).then((body) => body.items);
export const classify = (thing, signal) => send('POST', ['classify'], thing, signal);
export const recommendToNewcomer = (who, signal) => send('POST', ['recommendations'], who, signal);
export const getOnboarding = (n, skip) => get(['onboarding'], { n, skip }).then((body) => body.items);
export const putItem = (id, item) => send('PUT', ['items', id], item);
export const deleteItem = (id) => send('DELETE', ['items', id]);
