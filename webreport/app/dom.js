// Elements from names, attributes and children; text children stay text.
function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat()) {
    if (child !== undefined && child !== null && child !== '') element.append(child);
  }
  return element;
}

const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  make(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

const byId = (id) => document.getElementById(id);
const badge = (state) => h('span', { class: `badge s-${state}` }, words(state));

// A prompt, result or message as far as the report holds it, with what is missing said.
function valueBlock(title, value, isJson) {
  if (value.unreadable !== undefined) {
    return h('div', { class: 'value' }, h('h4', {}, title),
      h('p', { class: 'muted' }, `could not be read: ${visible(value.unreadable)}`));
  }
  let text = value.text;
  if (isJson && !value.cut) {
    try {
      const parsed = JSON.parse(text);
      text = typeof parsed === 'string' ? parsed : JSON.stringify(parsed, null, 2);
    } catch { /* shown as it came */ }
  }
  const size = value.cut
    ? `first ${bytes(new TextEncoder().encode(value.text).length)} of ${bytes(value.size)}`
    : bytes(value.size);
  return h('div', { class: 'value' },
    h('h4', {}, title, h('span', { class: value.cut ? 'cut' : 'muted' }, size)),
    text === '' ? h('p', { class: 'muted' }, 'empty') : h('pre', { dir: 'auto' }, visible(text)),
    value.cut ? h('p', { class: 'cut' }, `Cut here: ${bytes(value.size)} in full; the daemon keeps all of it.`) : '');
}

function panel(id, title, ...children) {
  byId(id).append(h('h2', {}, title), ...children.flat().filter((child) => child !== ''));
}
