/** What somebody thinks of an item: sent as an event, so that the next answer knows it. */
import { send } from './api.js';

/** `kind`: liked, hidden or viewed. */
export function tell(user, item, kind) {
  return send('POST', ['events'], { events: [{ id: uuid(), user, item, kind, at: Math.floor(Date.now() / 1000) }] });
}

/** A version 4 UUID; works without a secure context, where `randomUUID` is missing. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
