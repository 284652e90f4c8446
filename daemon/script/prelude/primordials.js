// The pristine intrinsics, captured while the snapshot is made and so before any user code. The rest
// of the prelude uses these names only: a script that rewrites Array.prototype.map or JSON.stringify
// changes its own realm's behaviour, never ours (SPEC P13).
const { call } = Function.prototype;
const { bind } = Function.prototype;
export const uncurryThis = bind.bind(call);

export const ReflectApply = Reflect.apply;
export const ReflectConstruct = Reflect.construct;
export const ReflectOwnKeys = Reflect.ownKeys;

export const ObjectCreate = Object.create;
export const ObjectDefineProperty = Object.defineProperty;
export const ObjectFreeze = Object.freeze;
export const ObjectGetOwnPropertyDescriptor = Object.getOwnPropertyDescriptor;
export const ObjectGetPrototypeOf = Object.getPrototypeOf;
// Not Object.hasOwn: V8 adds what a flag governs to a context after the snapshot.
export const ObjectHasOwn = uncurryThis(Object.prototype.hasOwnProperty);
export const ObjectKeys = Object.keys;
export const ObjectPrototype = Object.prototype;

export const ArrayIsArray = Array.isArray;
export const ArrayPrototypeJoin = uncurryThis(Array.prototype.join);
export const ArrayPrototypePush = uncurryThis(Array.prototype.push);
export const ArrayPrototypeSort = uncurryThis(Array.prototype.sort);

export const StringCtor = String;
export const StringPrototypeIndexOf = uncurryThis(String.prototype.indexOf);
export const StringPrototypeSlice = uncurryThis(String.prototype.slice);
export const StringPrototypeStartsWith = uncurryThis(String.prototype.startsWith);

export const NumberCtor = Number;
export const NumberIsFinite = Number.isFinite;
export const NumberIsInteger = Number.isInteger;
export const BigIntPrototypeValueOf = uncurryThis(BigInt.prototype.valueOf);
export const RegExpCtor = RegExp;
export const DecodeURIComponent = decodeURIComponent;
export const MathCeil = Math.ceil;
export const MathFloor = Math.floor;
export const MathMax = Math.max;
export const MathMin = Math.min;

export const JSONParse = JSON.parse;
export const JSONStringify = JSON.stringify;

export const ErrorCtor = Error;
export const RangeErrorCtor = RangeError;
export const TypeErrorCtor = TypeError;
export const ErrorPrototypeToString = uncurryThis(Error.prototype.toString);

export const PromiseCtor = Promise;
const promiseReject = Promise.reject;
const promiseResolve = Promise.resolve;
export const PromiseReject = (reason) => ReflectApply(promiseReject, PromiseCtor, [reason]);
export const PromiseResolve = (value) => ReflectApply(promiseResolve, PromiseCtor, [value]);
export const PromisePrototypeThen = uncurryThis(Promise.prototype.then);

// Calls one of the two with the value's outcome, in a later microtask. A thenable whose `then` throws,
// or that is called twice, counts once.
export function whenSettled(value, onValue, onError) {
  try {
    PromisePrototypeThen(PromiseResolve(value), onValue, onError);
  } catch (error) {
    onError(error);
  }
}

const MapCtor = Map;
const mapGet = uncurryThis(Map.prototype.get);
const mapSet = uncurryThis(Map.prototype.set);
const mapHas = uncurryThis(Map.prototype.has);
const mapDelete = uncurryThis(Map.prototype.delete);
const mapSize = uncurryThis(Object.getOwnPropertyDescriptor(Map.prototype, 'size').get);
// A Map whose methods the script cannot reach.
export class SafeMap {
  #map = new MapCtor();
  get(key) { return mapGet(this.#map, key); }
  set(key, value) { mapSet(this.#map, key, value); }
  has(key) { return mapHas(this.#map, key); }
  delete(key) { return mapDelete(this.#map, key); }
  get size() { return mapSize(this.#map); }
}

const WeakMapCtor = WeakMap;
const weakMapGet = uncurryThis(WeakMap.prototype.get);
const weakMapSet = uncurryThis(WeakMap.prototype.set);
export class SafeWeakMap {
  #map = new WeakMapCtor();
  get(key) { return weakMapGet(this.#map, key); }
  set(key, value) { weakMapSet(this.#map, key, value); }
}

const SetCtor = Set;
const setAdd = uncurryThis(Set.prototype.add);
const setHas = uncurryThis(Set.prototype.has);
const setDelete = uncurryThis(Set.prototype.delete);
export class SafeSet {
  #set = new SetCtor();
  add(value) { setAdd(this.#set, value); }
  has(value) { return setHas(this.#set, value); }
  delete(value) { setDelete(this.#set, value); }
}

export const isObjectLike = (value) =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

// A global as the language defines its own: writable, configurable, not enumerable.
export function defineGlobal(name, value) {
  ObjectDefineProperty(globalThis, name,
    { __proto__: null, value, writable: true, configurable: true, enumerable: false });
}
