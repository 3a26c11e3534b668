/** Tabs after the ARIA pattern: arrows move and select, one tab is in the tab order, panels are filled when first shown. */
import { h, uniqueId } from './dom.js';

/** `entries`: {name, show(region)}. */
export function tabs(entries, labelledBy) {
  const pairs = entries.map(pair);
  const list = h('div', { class: 'tabs', role: 'tablist', 'aria-labelledby': labelledBy, onkeydown: move }, pairs.map(({ tab }) => tab));
  select(0);
  return [list, pairs.map(({ panel }) => panel)];

  function pair({ name, show }, place) {
    const [tabId, panelId] = [uniqueId('tab'), uniqueId('tab-panel')];
    const tab = h('button', { type: 'button', class: 'tab', role: 'tab', id: tabId, 'aria-controls': panelId, onclick: () => select(place) }, name);
    const panel = h('div', { class: 'tab__panel', role: 'tabpanel', id: panelId, 'aria-labelledby': tabId });
    return { tab, panel, show, shown: false };
  }

  function select(place) {
    pairs.forEach(({ tab, panel }, other) => {
      tab.setAttribute('aria-selected', String(other === place));
      tab.tabIndex = other === place ? 0 : -1;
      panel.hidden = other !== place;
    });
    const chosen = pairs[place];
    if (chosen.shown) return;
    chosen.shown = true;
    chosen.show(chosen.panel);
  }

  function move(event) {
    const from = pairs.findIndex(({ tab }) => tab === document.activeElement);
    const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: pairs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const place = (to + pairs.length) % pairs.length;
    select(place);
    pairs[place].tab.focus();
  }
}
