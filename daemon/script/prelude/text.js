// Values as text, for logs and failure lines. Nothing here throws, whatever the value does: cycles,
// BigInts, proxies whose traps throw, getters that throw (SPEC F4, P36).
import {
  ArrayIsArray, ArrayPrototypeJoin, ArrayPrototypePush, ErrorPrototypeToString, JSONStringify,
  MathFloor, NumberCtor, ObjectGetPrototypeOf, ReflectOwnKeys, SafeSet, StringCtor,
  StringPrototypeSlice,
} from './primordials.js';
import { host } from './host.js';

const DEPTH_MAX = 4;
const ENTRIES_MAX = 100;
const UNPRINTABLE = '[unprintable]';

// "Error: boom", "null", "boom": what a failure line shows after "failed: ".
export function errorText(value) {
  try {
    if (host.isError(value)) return ErrorPrototypeToString(value);
    if (typeof value === 'object' && value !== null) return inspect(value);
    return StringCtor(value);
  } catch {
    return UNPRINTABLE;
  }
}

// The text of one argument of log(): strings as they are, objects as JSON where they have one.
export function logText(value) {
  try {
    if (typeof value === 'string') return value;
    if (typeof value !== 'object' || value === null) return StringCtor(value);
    if (host.isError(value)) return errorText(value);
    return JSONStringify(value) ?? inspect(value);
  } catch {
    return inspect(value);
  }
}

export function joinTexts(values, toText) {
  const texts = [];
  for (let i = 0; i < values.length; i++) ArrayPrototypePush(texts, toText(values[i]));
  return ArrayPrototypeJoin(texts, ' ');
}

export function inspect(value) {
  try {
    return inspectAt(value, 0, new SafeSet());
  } catch {
    return UNPRINTABLE;
  }
}

function inspectAt(value, depth, above) {
  switch (typeof value) {
    case 'string': return depth === 0 ? value : JSONStringify(value);
    case 'bigint': return StringCtor(value) + 'n';
    case 'function': return '[Function]';
    case 'object': break;
    default: return StringCtor(value);
  }
  if (value === null) return 'null';
  if (host.isError(value)) return errorText(value);
  if (above.has(value)) return '[Circular]';
  if (depth >= DEPTH_MAX) return ArrayIsArray(value) ? '[Array]' : '[Object]';
  above.add(value);
  try {
    return ArrayIsArray(value) ? inspectArray(value, depth, above)
                               : inspectObject(value, depth, above);
  } finally {
    above.delete(value);
  }
}

function inspectArray(value, depth, above) {
  const parts = [];
  const { length } = value;
  for (let i = 0; i < length && i < ENTRIES_MAX; i++) {
    ArrayPrototypePush(parts, inspectAt(value[i], depth + 1, above));
  }
  if (length > ENTRIES_MAX) ArrayPrototypePush(parts, `... ${length - ENTRIES_MAX} more`);
  return '[' + ArrayPrototypeJoin(parts, ', ') + ']';
}

function inspectObject(value, depth, above) {
  const keys = ReflectOwnKeys(value);
  const parts = [];
  for (let i = 0; i < keys.length && i < ENTRIES_MAX; i++) {
    let text;
    try {
      text = inspectAt(value[keys[i]], depth + 1, above);
    } catch {
      text = UNPRINTABLE;
    }
    ArrayPrototypePush(parts, StringCtor(keys[i]) + ': ' + text);
  }
  if (keys.length > ENTRIES_MAX) ArrayPrototypePush(parts, `... ${keys.length - ENTRIES_MAX} more`);
  const name = classPrefix(value);
  return parts.length === 0 ? name + '{}' : name + '{ ' + ArrayPrototypeJoin(parts, ', ') + ' }';
}

function classPrefix(value) {
  try {
    const name = ObjectGetPrototypeOf(value)?.constructor?.name;
    return typeof name === 'string' && name !== '' && name !== 'Object' ? name + ' ' : '';
  } catch {
    return '';
  }
}

// console.log's first argument may hold %s %d %i %f %j %o %O %c %%.
export function formatText(values) {
  if (values.length < 2 || typeof values[0] !== 'string') return joinTexts(values, inspect);
  const format = values[0];
  let text = '';
  let next = 1;
  let from = 0;
  for (let at = 0; at + 1 < format.length; at++) {
    if (format[at] !== '%') continue;
    const piece = formatOne(format[at + 1], values, next);
    if (piece === undefined) continue;
    text += StringPrototypeSlice(format, from, at) + piece;
    if (format[at + 1] !== '%') next++;
    from = at + 2;
    at++;
  }
  text += StringPrototypeSlice(format, from);
  for (; next < values.length; next++) text += ' ' + inspect(values[next]);
  return text;
}

function formatOne(directive, values, next) {
  if (directive === '%') return '%';
  if (next >= values.length) return undefined;
  const value = values[next];
  try {
    switch (directive) {
      case 's': return typeof value === 'object' ? inspect(value) : StringCtor(value);
      case 'd': return StringCtor(NumberCtor(value));
      case 'i': return StringCtor(truncated(NumberCtor(value)));
      case 'f': return StringCtor(NumberCtor(value));
      case 'j': return JSONStringify(value) ?? 'undefined';
      case 'o': case 'O': return inspect(value);
      case 'c': return '';
      default: return undefined;
    }
  } catch {
    return UNPRINTABLE;
  }
}

const truncated = (number) => (number < 0 ? -MathFloor(-number) : MathFloor(number));
