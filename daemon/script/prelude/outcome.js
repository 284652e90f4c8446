// How a run ends: its result as JSON (SPEC C12, P41) or what it threw (L2, P42).
import {
  ArrayIsArray, JSONStringify, ReflectOwnKeys, SafeSet, StringCtor, isObjectLike,
} from './primordials.js';
import { host } from './host.js';
import { errorText } from './text.js';

const NODES_SEARCHED_MAX = 100000;
const CAUSES_MAX = 5;

// The value's JSON, or [message] when it has none.
export function serialize(value) {
  try {
    return JSONStringify(value) ?? 'null';
  } catch (error) {
    const place = findUnserialisable(value);
    return [place === undefined ? `the result cannot be written as JSON: ${errorText(error)}`
                                : `the result cannot be written as JSON: ${place}`];
  }
}

// Where the first cycle or BigInt stands: "result.items[3].owner is a cycle".
function findUnserialisable(value) {
  let visited = 0;
  const above = new SafeSet();
  const visit = (node, path, depth) => {
    if (typeof node === 'bigint') return `${path} is a BigInt`;
    if (!isObjectLike(node) || typeof node === 'function') return undefined;
    if (above.has(node)) return `${path} is a cycle`;
    if (depth > 500 || ++visited > NODES_SEARCHED_MAX) return undefined;
    above.add(node);
    try {
      const keys = ReflectOwnKeys(node);
      for (let i = 0; i < keys.length; i++) {
        if (typeof keys[i] !== 'string') continue;
        const inner = ArrayIsArray(node) ? `${path}[${keys[i]}]` : `${path}.${keys[i]}`;
        const found = visit(node[keys[i]], inner, depth + 1);
        if (found !== undefined) return found;
      }
    } finally {
      above.delete(node);
    }
    return undefined;
  };
  try {
    return visit(value, 'result', 0);
  } catch {
    return undefined;
  }
}

function textOf(value, name) {
  try {
    const text = value[name];
    return text === undefined ? '' : StringCtor(text);
  } catch {
    return '';
  }
}

// [name, message, stack] of anything that can be thrown.
export function describeThrown(value) {
  if (!host.isError(value)) return ['', errorText(value), ''];
  let stack = textOf(value, 'stack');
  let cause = value;
  for (let i = 0; i < CAUSES_MAX; i++) {
    try {
      cause = cause.cause;
    } catch {
      break;
    }
    if (cause === undefined || cause === null) break;
    stack += '\ncaused by: ' + (host.isError(cause) ? textOf(cause, 'stack') : errorText(cause));
    if (!isObjectLike(cause)) break;
  }
  return [textOf(value, 'name') || 'Error', textOf(value, 'message') + innerErrors(value), stack];
}

// An AggregateError says nothing of what went wrong unless its parts do.
function innerErrors(value) {
  let text = '';
  try {
    const { errors } = value;
    if (!ArrayIsArray(errors)) return '';
    for (let i = 0; i < errors.length && i < 10; i++) text += `\n  [${i}] ${errorText(errors[i])}`;
  } catch {
    return text;
  }
  return text;
}
