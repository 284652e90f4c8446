// workflow(nameOrRef, args): a child workflow, run in this host in a realm of its own (SPEC H). The
// daemon settles the call with the child's source; the host runs it and resolves the promise.
import {
  ArrayIsArray, ArrayPrototypePush, ErrorCtor, JSONStringify, ObjectKeys, PromiseReject, TypeErrorCtor,
  isObjectLike,
} from './primordials.js';
import { host } from './host.js';
import { currentScope } from './scope.js';
import { state } from './state.js';
import { errorText } from './text.js';

const NESTED = 'workflow() cannot be called from within a child workflow — nesting is limited to ' +
  'one level. Inline the inner script or call its agents directly.';

function reference(ref) {
  // The registry takes a name that nobody has and that looks like a path for one (O20).
  if (typeof ref === 'string' && ref !== '') return { __proto__: null, name: ref, path: '' };
  if (isObjectLike(ref) && !ArrayIsArray(ref)) {
    const path = ref.scriptPath;
    if (typeof path === 'string' && path !== '') return { __proto__: null, name: '', path };
  }
  throw new TypeErrorCtor("workflow() expects a name or {scriptPath: 'file.js'}");
}

function refuse(type, key) {
  const error = new TypeErrorCtor(`workflow() args: a ${type} cannot be passed on` +
    (key === '' ? '' : ` (at '${key}')`));
  error.name = 'DataCloneError';
  throw error;
}

const isLost = (type) => type === 'function' || type === 'symbol' || type === 'bigint';

// JSON would leave such a value out.
function refuseLost(key, value) {
  if (isLost(typeof value)) refuse(typeof value, key);
  return value;
}

// The same for args that nest too deeply for a replacer.
function refuseLostInside(args) {
  const stack = [args];
  for (let at = 0; at < stack.length; at++) {
    const keys = ObjectKeys(stack[at]);
    for (let i = 0; i < keys.length; i++) {
      const value = stack[at][keys[i]];
      if (isLost(typeof value)) refuse(typeof value, keys[i]);
      if (typeof value === 'object' && value !== null) ArrayPrototypePush(stack, value);
    }
  }
}

// The child's own copy. What a copy cannot hold is an error, as in structuredClone.
function argsText(args) {
  if (args === undefined) return undefined;
  try {
    return JSONStringify(args, refuseLost);
  } catch (error) {
    if (!host.isError(error) || error.name !== 'RangeError') throw passedOn(error);
  }
  try {
    const text = JSONStringify(args);
    refuseLostInside(args);  // after that: it has no cycle
    return text;
  } catch (error) {
    throw passedOn(error);
  }
}

function passedOn(error) {
  if (host.isError(error) && error.name === 'DataCloneError') return error;
  return new TypeErrorCtor(`workflow() args cannot be passed on: ${errorText(error)}`);
}

export function workflow(ref, args) {
  try {
    if (state.depth > 0) throw new ErrorCtor(NESTED);
    const { name, path } = reference(ref);
    const argsJson = argsText(args);
    const scope = currentScope();
    const serial = ++scope.workflows;
    const own = `w${serial}:${name || path}`;
    const childPath = scope.path === '' ? own : `${scope.path}/${own}`;
    return host.workflow(name, path, argsJson, scope.path, childPath);
  } catch (error) {
    return PromiseReject(error);
  }
}
