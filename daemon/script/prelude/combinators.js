// parallel() and pipeline() (SPEC E). Neither holds a slot: only agent() does, so nesting cannot
// deadlock (E14). A failure is a null in its slot and a line in the log, never a rejection.
import {
  ArrayIsArray, ArrayPrototypePush, PromiseCtor, PromisePrototypeThen, PromiseReject,
  PromiseResolve, RangeErrorCtor, TypeErrorCtor,
} from './primordials.js';
import { host, LINE_WARNING } from './host.js';
import { currentScope, innerScope, runInScope } from './scope.js';
import { state } from './state.js';
import { errorText } from './text.js';

// A copy, since the caller may change the array while its slots run (P29).
function copyList(name, list) {
  const { length } = list;
  if (length > state.listLengthMax) {
    throw new RangeErrorCtor(`${name}() was given ${length} items; the limit is ` +
      `${state.listLengthMax} (list_length_max). Split the list into several calls.`);
  }
  const copy = [];
  for (let i = 0; i < length; i++) ArrayPrototypePush(copy, list[i]);
  return copy;
}

function reportFailure(name, index, error) {
  host.line(LINE_WARNING, `${name}[${index}] failed: ${errorText(error)}`);
}

// Calls one of the two with the value's outcome, in a later microtask. A thenable whose `then`
// throws, or that is called twice, counts once.
function whenSettled(value, onValue, onError) {
  try {
    PromisePrototypeThen(PromiseResolve(value), onValue, onError);
  } catch (error) {
    onError(error);
  }
}

// The slots of one combinator call; resolves when each is filled.
function collect(name, count, startSlot) {
  const scope = currentScope();
  const serial = ++scope.combinators;
  return new PromiseCtor((resolve) => {
    const results = [];
    for (let i = 0; i < count; i++) ArrayPrototypePush(results, null);
    let left = count;
    const fill = (index, value) => {
      results[index] = value;
      if (--left === 0) resolve(results);
    };
    const fail = (index, error) => {
      reportFailure(name, index, error);
      fill(index, null);
    };
    if (count === 0) resolve(results);
    for (let i = 0; i < count; i++) {
      startSlot(i, innerScope(scope, `p${serial}[${i}]`), fill, fail);
    }
  });
}

function checkThunks(thunks) {
  for (let i = 0; i < thunks.length; i++) {
    if (typeof thunks[i] === 'function') continue;
    throw new TypeErrorCtor('parallel() expects an array of functions, not promises. Wrap each ' +
      `call: () => agent(...) (element ${i} is ${describeType(thunks[i])})`);
  }
}

function describeType(value) {
  if (value === null) return 'null';
  if (ArrayIsArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : typeof value;
}

export function parallel(thunks) {
  try {
    if (!ArrayIsArray(thunks)) {
      throw new TypeErrorCtor('parallel() expects an array of functions, not ' +
        `${describeType(thunks)}: parallel([() => agent(...), ...])`);
    }
    const list = copyList('parallel', thunks);
    checkThunks(list);
    return collect('parallel', list.length, (index, scope, fill, fail) => {
      let value;
      try {
        value = runInScope(scope, list[index], [index]);
      } catch (error) {
        fail(index, error);
        return;
      }
      whenSettled(value, (result) => fill(index, result), (error) => fail(index, error));
    });
  } catch (error) {
    return PromiseReject(error);
  }
}

function checkPipeline(items, stages) {
  if (!ArrayIsArray(items)) {
    const hint = typeof items?.then === 'function' ? ': await the promise first' : '';
    throw new TypeErrorCtor('pipeline() expects an array as the first argument, not ' +
      `${describeType(items)}${hint}`);
  }
  for (let i = 0; i < stages.length; i++) {
    if (typeof stages[i] === 'function') continue;
    throw new TypeErrorCtor('pipeline() stages must be functions: ' +
      `stage ${i + 1} is ${describeType(stages[i])}`);
  }
}

export function pipeline(items, ...stages) {
  try {
    checkPipeline(items, stages);
    const list = copyList('pipeline', items);
    return collect('pipeline', list.length, (index, scope, fill, fail) => {
      const item = list[index];
      const advance = (stage, previous) => {
        if (stage === stages.length) {
          fill(index, previous);
          return;
        }
        let value;
        try {
          const stageScope = innerScope(scope, `s${stage}`);
          value = runInScope(stageScope, stages[stage], [previous, item, index]);
        } catch (error) {
          fail(index, error);
          return;
        }
        whenSettled(value, (result) => advance(stage + 1, result), (error) => fail(index, error));
      };
      advance(0, item);
    });
  } catch (error) {
    return PromiseReject(error);
  }
}
