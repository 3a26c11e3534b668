/** Fields of forms: a label with what it belongs to, choices, and choices to switch on and off. */
import { h, uniqueId } from './dom.js';

/** `control` gets an id, so that its label is bound to it. */
export function field(name, control, { note = null, wide = false } = {}) {
  control.id ||= uniqueId('field');
  const said = note && h('span', { class: 'soft small', id: `${control.id}-note` }, note);
  if (said) control.setAttribute('aria-describedby', said.id);
  return h('div', { class: wide ? 'field field--wide' : 'field' }, h('label', { class: 'field__name', for: control.id }, name), control, said);
}

/** `options`: [value, name] pairs, or [heading, pairs] where a name is a list. */
export function select(options, props = {}) {
  return h('select', { class: 'input', ...props }, options.map(entry));
}

function entry([value, name]) {
  if (Array.isArray(name)) return h('optgroup', { label: value }, name.map(entry));
  return h('option', { value }, name);
}

/** A value that is not among the choices (from an address, say) becomes one. */
export function choose(control, value, name = value) {
  if (![...control.options].some((option) => option.value === value)) control.append(entry([value, name]));
  control.value = value;
}

export const textInput = (props = {}) => h('input', { class: 'input', type: 'text', autocomplete: 'off', ...props });

export const numberInput = (props = {}) => h('input', { class: 'input', type: 'number', step: 1, autocomplete: 'off', ...props });

/** A group of words to switch on and off; `on`: those that are from the start, `chosen()`: those that are now. */
export function toggles(name, values, on = []) {
  const buttons = values.map((value) => h('button', { type: 'button', class: 'toggle', 'aria-pressed': String(on.includes(value)), onclick: flip }, value));
  const id = uniqueId('toggles');
  const element = h('div', { class: 'field field--wide', role: 'group', 'aria-labelledby': id }, h('span', { class: 'field__name', id }, name), h('div', { class: 'toggles' }, buttons));
  return { element, chosen: () => values.filter((_, place) => isOn(buttons[place])) };
}

const isOn = (button) => button.getAttribute('aria-pressed') === 'true';

function flip({ currentTarget }) {
  currentTarget.setAttribute('aria-pressed', String(!isOn(currentTarget)));
}
