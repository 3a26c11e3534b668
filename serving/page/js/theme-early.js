/* Not a module, so that it runs before the first paint: a chosen theme or language never flashes as the other one. */
(() => {
  const root = document.documentElement;
  const kept = (name) => {
    try {
      return localStorage.getItem(name);
    } catch (error) {
      console.info('Nothing is remembered: this browser forbids storage.', error);
      return null;
    }
  };
  const theme = kept('interlace-theme');
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  const language = kept('interlace-language') ?? navigator.language;
  root.lang = /^zh\b/i.test(language) ? 'zh' : 'en';
  // The words are imported by a name that is known only now: asked for at once, with the other modules.
  const words = document.createElement('link');
  words.rel = 'modulepreload';
  words.href = `js/words/${root.lang}.js`;
  document.head.append(words);
})();
