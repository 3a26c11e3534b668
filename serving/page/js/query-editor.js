/** An editor for Cypher: CodeMirror, loaded when the query view is opened first. */
import { h } from './dom.js';
import { t } from './i18n.js';

const VENDOR = new URL('../vendor/codemirror/', import.meta.url);
const PARTS = ['cypher.js', 'matchbrackets.js', 'closebrackets.js', 'placeholder.js'];
const PLACE = /\bline (\d+), column (\d+)/;

let loaded = null;

/** {element, read, write, insert, focus, showError, clearError}; `run` is called on Ctrl+Enter. */
export async function queryEditor({ text, run }) {
  const CodeMirror = await (loaded ??= load());
  const element = h('div', { class: 'editor' });
  const editor = CodeMirror(element, {
    value: text,
    mode: 'application/x-cypher-query',
    theme: 'interlace',
    lineNumbers: true,
    lineWrapping: true,
    matchBrackets: true,
    autoCloseBrackets: true,
    indentUnit: 2,
    tabSize: 2,
    viewportMargin: Infinity,
    placeholder: 'MATCH (n) RETURN n LIMIT 25',
    screenReaderLabel: t('cypher-query'),
    extraKeys: { 'Ctrl-Enter': run, 'Cmd-Enter': run, Tab: false, 'Shift-Tab': false },
  });
  let marks = [];
  editor.on('change', clearError);
  requestAnimationFrame(() => editor.refresh());
  return { element, read, write, insert, focus: () => editor.focus(), showError, clearError };

  function read() {
    return editor.getValue();
  }

  function write(query) {
    editor.setValue(query);
    editor.setCursor(editor.lineCount(), 0);
    requestAnimationFrame(() => editor.refresh());
  }

  function insert(piece) {
    editor.replaceSelection(piece, 'end');
    editor.focus();
  }

  /** Underlines the word that the message names by line and column, and says why below the line. */
  function showError(message) {
    clearError();
    const found = PLACE.exec(message);
    if (!found) return;
    const line = Math.min(Number(found[1]) - 1, editor.lineCount() - 1);
    const column = Math.min(Number(found[2]) - 1, editor.getLine(line).length);
    const { start, end } = wordAt(line, column);
    marks = [
      editor.markText({ line, ch: start }, { line, ch: end }, { className: 'editor__wrong' }),
      editor.addLineWidget(line, h('div', { class: 'editor__message' }, message), { coverGutter: false, noHScroll: true }),
    ];
    editor.addLineClass(line, 'background', 'editor__line');
    editor.scrollIntoView({ line, ch: column });
  }

  function wordAt(line, column) {
    const rest = /^(\w+|\S)/.exec(editor.getLine(line).slice(column));
    return rest ? { start: column, end: column + rest[0].length } : { start: Math.max(0, column - 1), end: column };
  }

  function clearError() {
    if (marks.length === 0) return;
    for (const mark of marks) mark.clear();
    marks = [];
    editor.eachLine((line) => editor.removeLineClass(line, 'background', 'editor__line'));
  }
}

/** The library sets `CodeMirror` on the window, its parts look for it there. */
async function load() {
  await Promise.all([styles(), import(new URL('codemirror.js', VENDOR))]);
  for (const part of PARTS) await import(new URL(part, VENDOR));
  return window.CodeMirror;
}

function styles() {
  const link = h('link', { rel: 'stylesheet', href: new URL('codemirror.css', VENDOR).href });
  const done = new Promise((resolve, reject) => {
    link.addEventListener('load', resolve);
    link.addEventListener('error', () => reject(new Error(t('the-editors-styles-cannot-be-loaded'))));
  });
  document.head.prepend(link); // Before ours, which say how it looks here.
  return done;
}
