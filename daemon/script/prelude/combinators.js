// parallel() and pipeline() (SPEC E). Neither holds a slot: only agent() does, so nesting cannot
// deadlock (E14). A failure is a null in its slot and a line in the log, never a rejection.
import {
  ArrayIsArray, ArrayPrototypePush, JSONStringify, MathFloor, NumberCtor, PromiseCtor, PromiseReject,
  RangeErrorCtor, TypeErrorCtor, isObjectLike, whenSettled,
} from './primordials.js';
import { agent } from './agent.js';
import { DIALECT_ODW, host, LINE_WARNING } from './host.js';
import { labelText, optionText } from './options.js';
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

// The slots of one combinator call; resolves when each is filled. `group`: {name, count, and of
// parallel's options: atOnce (0: all at once), phase, label}.
function collect(group, startSlot) {
  const { name, count, atOnce, phase, label } = group;
  const outer = currentScope();
  const serial = ++outer.combinators;
  return new PromiseCtor((resolve) => {
    const results = [];
    for (let i = 0; i < count; i++) ArrayPrototypePush(results, null);
    let left = count;
    let next = 0;
    const startNext = () => {
      const index = next++;
      startSlot(index, innerScope(outer, `p${serial}[${index}]`, phase ?? outer.phase,
        label === '' ? '' : `${label}[${index}]`), fill, fail);
    };
    const fill = (index, value) => {
      results[index] = value;
      if (--left === 0) resolve(results);
      else if (atOnce > 0 && next < count) startNext();
    };
    const fail = (index, error) => {
      const called = label === '' ? name : `${name} '${label}'`;
      host.line(LINE_WARNING, `${called}[${index}] failed: ${errorText(error)}`);
      // Not from within the slot before it: 4,096 thunks that throw must not nest.
      if (atOnce > 0) whenSettled(undefined, () => fill(index, null));
      else fill(index, null);
    };
    if (count === 0) resolve(results);
    const first = atOnce > 0 && atOnce < count ? atOnce : count;
    while (next < first) startNext();
  });
}

function describeType(value) {
  if (value === null) return 'null';
  if (ArrayIsArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : typeof value;
}

// {prompt | input, ...options}: a call of agent() as data, in odw only (O10).
export function isNode(value) {
  return state.dialect === DIALECT_ODW && isObjectLike(value) && typeof value !== 'function' &&
    typeof value.then !== 'function' && (value.prompt ?? value.input) !== undefined;
}

export function callNode(node) {
  const { prompt, input, ...options } = node;
  const text = prompt ?? (typeof input === 'string' ? input : JSONStringify(input));
  return agent(text, options);
}

function checkThunks(thunks) {
  for (let i = 0; i < thunks.length; i++) {
    if (typeof thunks[i] === 'function' || isNode(thunks[i])) continue;
    throw new TypeErrorCtor('parallel() expects an array of functions, not promises. Wrap each ' +
      `call: () => agent(...) (element ${i} is ${describeType(thunks[i])})`);
  }
}

function parallelOptions(options) {
  const given = isObjectLike(options) ? options : { __proto__: null };
  const { max, concurrency, phase, label } = given;
  const atOnce = MathFloor(NumberCtor(max ?? concurrency ?? 0));
  return {
    __proto__: null,
    atOnce: atOnce > 0 ? atOnce : 0,
    phase: phase === undefined || phase === null ? undefined : optionText(phase),
    label: labelText(label),
  };
}

// How parallel() and fanout() run a checked list.
function runThunks(name, list, options, call) {
  const { atOnce, phase, label } = parallelOptions(options);
  const group = { __proto__: null, name, count: list.length, atOnce, phase, label };
  return collect(group, (index, scope, fill, fail) => {
    let value;
    try {
      value = runInScope(scope, call, [list[index], index]);
    } catch (error) {
      fail(index, error);
      return;
    }
    whenSettled(value, (result) => fill(index, result), (error) => fail(index, error));
  });
}

const callThunk = (thunk, index) => (typeof thunk === 'function' ? thunk(index) : callNode(thunk));

export function parallel(thunks, options) {
  try {
    if (!ArrayIsArray(thunks)) {
      throw new TypeErrorCtor('parallel() expects an array of functions, not ' +
        `${describeType(thunks)}: parallel([() => agent(...), ...])`);
    }
    const list = copyList('parallel', thunks);
    checkThunks(list);
    return runThunks('parallel', list, options, callThunk);
  } catch (error) {
    return PromiseReject(error);
  }
}

// parallel over items: mapper(item, index) gives a value, a promise, a function of the index or, in
// odw, a node (O14).
export function fanout(items, mapper, options) {
  try {
    if (!ArrayIsArray(items)) {
      throw new TypeErrorCtor('fanout() expects an array as the first argument, not ' +
        describeType(items));
    }
    if (typeof mapper !== 'function') {
      throw new TypeErrorCtor('fanout() expects a function as the second argument, not ' +
        describeType(mapper));
    }
    return runThunks('fanout', copyList('fanout', items), options, (item, index) => {
      const made = mapper(item, index);
      return typeof made === 'function' || isNode(made) ? callThunk(made, index) : made;
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
    const group = { __proto__: null, name: 'pipeline', count: list.length, atOnce: 0, label: '' };
    return collect(group, (index, scope, fill, fail) => {
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
