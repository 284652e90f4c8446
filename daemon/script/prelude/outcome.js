// How a run ends: its result as JSON (SPEC C12, P41) or what it threw (L2, P42).
import {
  ArrayIsArray, BigIntPrototypeValueOf, JSONStringify, ObjectKeys, SafeSet, StringCtor,
  isObjectLike,
} from './primordials.js';
import { host } from './host.js';
import { errorText } from './text.js';

const NODES_SEARCHED_MAX = 100000;
const DEPTH_MAX = 500;
const CAUSES_MAX = 5;

// The value's JSON, or [message] when it has none.
export function serialize(value) {
  try {
    return JSONStringify(value) ?? 'null';
  } catch (error) {
    const place = findUnserialisable(value) ?? errorText(error);
    return [`the result cannot be written as JSON: ${place}`];
  }
}

function isBigInt(value) {
  if (typeof value === 'bigint') return true;
  if (!isObjectLike(value)) return false;
  try {
    BigIntPrototypeValueOf(value);
    return true;
  } catch {
    return false;
  }
}

// Goes the way of JSON.stringify, toJSON and all, and stops where that would throw:
// "result.items[3].owner is a cycle".
class Finder {
  #visited = 0;
  #above = new SafeSet();

  // The place and what is wrong there.
  visit(holder, key, path, depth) {
    let node;
    try {
      node = holder[key];
    } catch (error) {
      return `${path} cannot be read: ${errorText(error)}`;
    }
    try {
      if ((isObjectLike(node) || typeof node === 'bigint') && typeof node.toJSON === 'function') {
        node = node.toJSON(key);
      }
    } catch (error) {
      return `${path}.toJSON threw ${errorText(error)}`;
    }
    if (isBigInt(node)) return `${path} is a BigInt`;
    if (!isObjectLike(node) || typeof node === 'function') return undefined;
    if (this.#above.has(node)) return `${path} is a cycle`;
    if (depth > DEPTH_MAX || ++this.#visited > NODES_SEARCHED_MAX) return undefined;
    this.#above.add(node);
    const found = this.#visitInside(node, path, depth);
    this.#above.delete(node);
    return found;
  }

  #visitInside(node, path, depth) {
    const isList = ArrayIsArray(node);
    let keys;
    try {
      keys = ObjectKeys(node);
    } catch (error) {
      return `${path} cannot be read: ${errorText(error)}`;
    }
    for (let i = 0; i < keys.length; i++) {
      const inner = isList ? `${path}[${keys[i]}]` : `${path}.${keys[i]}`;
      const found = this.visit(node, keys[i], inner, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function findUnserialisable(value) {
  try {
    return new Finder().visit({ __proto__: null, '': value }, '', 'result', 0);
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
