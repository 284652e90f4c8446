// Makes the realm deterministic by changing the intrinsics themselves, so that no path leads round
// (SPEC C3 to C5, P14), and removes what a workflow must not have (C2, P17).
import {
  ErrorCtor, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ReflectApply, ReflectConstruct,
  SafeWeakMap,
} from './primordials.js';

const CLOCK = 'Date.now() / new Date() are unavailable in workflow scripts (breaks resume). ' +
  'Pass a timestamp in through args, or take the time after the run.';
const RANDOM = 'Math.random() is unavailable in workflow scripts (breaks resume). ' +
  'Vary by index, or pass a seed in through args.';

const noClock = () => { throw new ErrorCtor(CLOCK); };
const noRandom = () => { throw new ErrorCtor(RANDOM); };

function replace(object, name, value) {
  ObjectDefineProperty(object, name, { __proto__: null, value });
}

function guardDate() {
  const OriginalDate = Date;
  function GuardedDate(...args) {
    if (new.target === undefined || args.length === 0) noClock();
    return ReflectConstruct(OriginalDate, args, new.target);
  }
  const guarded = { now() { return noClock(); } };
  const prototype = OriginalDate.prototype;
  ObjectDefineProperty(GuardedDate, 'prototype', { __proto__: null, value: prototype, writable: false });
  ObjectDefineProperty(GuardedDate, 'name', { __proto__: null, value: 'Date' });
  ObjectDefineProperty(GuardedDate, 'length', { __proto__: null, value: 7 });
  for (const [name, value] of [['now', guarded.now], ['parse', Date.parse], ['UTC', Date.UTC]]) {
    ObjectDefineProperty(GuardedDate, name,
      { __proto__: null, value, writable: true, configurable: true, enumerable: false });
  }
  replace(prototype, 'constructor', GuardedDate);
  replace(OriginalDate, 'now', guarded.now);
  replace(globalThis, 'Date', GuardedDate);
}

// Intl.DateTimeFormat formats the current time when it is given none.
function guardDateTimeFormat() {
  const prototype = Intl.DateTimeFormat.prototype;
  const { get: originalGet } = ObjectGetOwnPropertyDescriptor(prototype, 'format');
  const guardedOf = new SafeWeakMap();
  const accessors = {
    get format() {
      const format = ReflectApply(originalGet, this, []);
      let guarded = guardedOf.get(format);
      if (guarded === undefined) {
        guarded = (date) => (date === undefined ? noClock() : format(date));
        guardedOf.set(format, guarded);
      }
      return guarded;
    },
  };
  const { get } = ObjectGetOwnPropertyDescriptor(accessors, 'format');
  ObjectDefineProperty(prototype, 'format', { __proto__: null, get });

  const { formatToParts } = prototype;
  const methods = {
    formatToParts(date) {
      return date === undefined ? noClock() : ReflectApply(formatToParts, this, [date]);
    },
  };
  replace(prototype, 'formatToParts', methods.formatToParts);
}

// V8 puts some of these into a context after the snapshot: start() calls this again in each.
const REMOVED = ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'WeakRef', 'FinalizationRegistry',
  'Temporal', 'performance', '__core-js_shared__'];

export function removeGlobals() {
  for (let i = 0; i < REMOVED.length; i++) delete globalThis[REMOVED[i]];
}

export function guardIntrinsics() {
  guardDate();
  guardDateTimeFormat();
  const methods = { random() { return noRandom(); } };
  replace(Math, 'random', methods.random);
  removeGlobals();
}
