/* Not a module, so that it runs before the first paint: a chosen theme never flashes as the other one. */
(() => {
  try {
    const chosen = localStorage.getItem('interlace-theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch (error) {
    console.info('No theme is remembered: this browser forbids storage.', error);
  }
})();
