/** The queries that ran last, in this browser. */
const KEY = 'interlace-queries';
const MOST = 30;

export function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(found) ? found.filter((one) => typeof one?.query === 'string') : [];
  } catch (error) {
    console.info('No queries are remembered.', error);
    return [];
  }
}

/** Puts one first; returns all. */
export function remember(entry) {
  const others = remembered().filter(({ query, parameters }) => query !== entry.query || parameters !== entry.parameters);
  const all = [entry, ...others].slice(0, MOST);
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch (error) {
    console.info('Queries are kept until the page closes: this browser forbids storage.', error);
  }
  return all;
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch (error) {
    console.info('This browser forbids storage.', error);
  }
  return [];
}
