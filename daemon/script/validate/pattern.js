// A short string that a regular expression matches, for the common subset: literals, classes, groups,
// alternatives, quantifiers, anchors. What it does not know makes it give up; the caller checks.

const REPEATS_MAX = 200;
const SAMPLES = 'a0A_-. @/:z9Z';

class Reader {
  at = 0;
  constructor(source) { this.source = source; }
  get next() { return this.source[this.at]; }
  get done() { return this.at >= this.source.length; }
  take() { return this.source[this.at++]; }
  skip(text) {
    if (!this.source.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }
}

function alternatives(reader) {
  const first = sequence(reader);
  while (!reader.done && reader.next === '|') {
    reader.take();
    sequence(reader);  // parsed, not used: the first alternative will do
  }
  return first;
}

function sequence(reader) {
  let text = '';
  while (!reader.done && reader.next !== '|' && reader.next !== ')') {
    const atom = parseAtom(reader);
    text += atom.repeat(quantity(reader));
  }
  return text;
}

function quantity(reader) {
  let least = 1;
  if (reader.skip('*') || reader.skip('?')) least = 0;
  else if (reader.skip('+')) least = 1;
  else {
    const bounds = /^\{(\d+)(,\d*)?\}/.exec(reader.source.slice(reader.at));
    if (bounds === null) return 1;
    reader.at += bounds[0].length;
    least = Number(bounds[1]);
  }
  reader.skip('?');
  if (least > REPEATS_MAX) throw new Error('too many repeats');
  return least;
}

function parseAtom(reader) {
  const char = reader.take();
  switch (char) {
    case '^': case '$': return '';
    case '.': return 'a';
    case '(': return parseGroup(reader);
    case '[': return parseClass(reader);
    case '\\': return escape(reader);
    default: return char;
  }
}

function parseGroup(reader) {
  if (reader.next === '?' && !reader.skip('?:') && !/^\?<[A-Za-z]/.test(reader.source.slice(reader.at))) {
    throw new Error('an assertion');
  }
  if (reader.next === '?') while (reader.take() !== '>');
  const text = alternatives(reader);
  if (!reader.skip(')')) throw new Error('an open group');
  return text;
}

// Which character a class holds is asked of the engine itself.
function parseClass(reader) {
  const start = reader.at - 1;
  while (!reader.done && reader.next !== ']') {
    if (reader.take() === '\\') reader.take();
  }
  reader.take();
  const test = new RegExp(`^${reader.source.slice(start, reader.at)}$`, 'u');
  for (const char of SAMPLES) if (test.test(char)) return char;
  for (let code = 0x21; code < 0x3000; code++) {
    const char = String.fromCodePoint(code);
    if (test.test(char)) return char;
  }
  throw new Error('an empty class');
}

const ESCAPED = { d: '0', w: 'a', s: ' ', D: 'a', W: '-', S: 'a', b: '', t: '\t', n: '\n' };

function escape(reader) {
  const char = reader.take();
  if (Object.hasOwn(ESCAPED, char)) return ESCAPED[char];
  if (/[A-Za-z0-9]/.test(char)) throw new Error('an unknown escape');
  return char;
}

// undefined where the pattern is beyond us.
export function sample(pattern) {
  try {
    const reader = new Reader(pattern);
    const text = alternatives(reader);
    return reader.done ? text : undefined;
  } catch {
    return undefined;
  }
}
