// Schemas that no value can meet (SPEC D16): found by what each keyword leaves of the types, and by the
// parts that a value must have. Says nothing where it is not sure.
import {
  ArrayIsArray, ArrayPrototypePush, MathCeil, MathFloor, NumberIsInteger, ObjectHasOwn, ObjectKeys,
  SafeSet,
} from './primordials.js';

const STEPS_MAX = 20000;
const DEPTH_MAX = 60;

// Types as bits; a number is a whole one or a fraction.
const WHOLE = 1;
const FRACTION = 2;
const STRING = 4;
const OBJECT = 8;
const ARRAY = 16;
const BOOLEAN = 32;
const NULL = 64;
const ALL = 127;
const BITS = { __proto__: null, integer: WHOLE, number: WHOLE | FRACTION, string: STRING, object: OBJECT,
  array: ARRAY, boolean: BOOLEAN, null: NULL };

const isObject = (value) => typeof value === 'object' && value !== null && !ArrayIsArray(value);
const own = (object, key) => (ObjectHasOwn(object, key) ? object[key] : undefined);
const hasKeys = (value) => isObject(value) && ObjectKeys(value).length > 0;

function bitOf(value) {
  if (value === null) return NULL;
  if (ArrayIsArray(value)) return ARRAY;
  switch (typeof value) {
    case 'number': return NumberIsInteger(value) ? WHOLE : FRACTION;
    case 'string': return STRING;
    case 'boolean': return BOOLEAN;
    default: return OBJECT;
  }
}

function typesOf(schema) {
  let types = ALL;
  const type = own(schema, 'type');
  if (type !== undefined) {
    const list = ArrayIsArray(type) ? type : [type];
    types = 0;
    for (let i = 0; i < list.length; i++) types |= BITS[list[i]] ?? 0;
  }
  if (ObjectHasOwn(schema, 'const')) types &= bitOf(schema.const);
  const choices = own(schema, 'enum');
  if (ArrayIsArray(choices)) {
    let bits = 0;
    for (let i = 0; i < choices.length; i++) bits |= bitOf(choices[i]);
    types &= bits;
  }
  return types;
}

// The largest of the parts' lower bounds, or the smallest of their upper bounds.
function bound(parts, key, isLower) {
  let found;
  for (let i = 0; i < parts.length; i++) {
    const value = own(parts[i], key);
    if (typeof value !== 'number') continue;
    if (found === undefined || (isLower ? value > found : value < found)) found = value;
  }
  return found;
}

const exceeds = (least, most) => least !== undefined && most !== undefined && least > most;

class Search {
  #targets;
  #steps = 0;
  #open = new SafeSet();  // schemas under way: a value that needs itself inside has no end

  constructor(targets) { this.#targets = targets; }

  // Why no value meets `schema`; undefined when one may.
  impossible(schema, path, depth) {
    const where = path === '' ? 'the value' : path;
    if (schema === false) return `${where} allows no value`;
    if (!isObject(schema) || depth > DEPTH_MAX || ++this.#steps > STEPS_MAX) return undefined;
    if (this.#open.has(schema)) return `${where} requires itself without end`;
    this.#open.add(schema);
    const reason = this.#search(schema, path, where, depth);
    this.#open.delete(schema);
    return reason;
  }

  #search(schema, path, where, depth) {
    const parts = [];
    const loop = this.#gather(schema, parts, new SafeSet(), where);
    if (loop !== undefined) return loop;
    let types = ALL;
    for (let i = 0; i < parts.length; i++) {
      if (parts[i] === false) return `${where} allows no value`;
      types &= typesOf(parts[i]);
    }
    if (types === 0) return `${where} has no type that is left: type, enum, const and allOf exclude each other`;
    return this.#choices(parts, path, where, depth) ?? this.#numbers(parts, types, where) ??
      this.#strings(parts, types, where) ?? this.#arrays(parts, types, path, where, depth) ??
      this.#objects(parts, types, path, where, depth);
  }

  // The schema and all that holds with it: allOf and references.
  #gather(schema, parts, seen, where) {
    if (schema === false) ArrayPrototypePush(parts, false);
    if (!isObject(schema)) return undefined;
    if (seen.has(schema)) return `${where} is a reference that leads back to itself`;
    seen.add(schema);
    ArrayPrototypePush(parts, schema);
    const target = this.#targets.get(schema);
    let reason = target === undefined ? undefined : this.#gather(target, parts, seen, where);
    const all = own(schema, 'allOf') ?? [];
    for (let i = 0; i < all.length && reason === undefined; i++) {
      reason = this.#gather(all[i], parts, seen, where);
    }
    seen.delete(schema);  // the same part twice is no circle
    return reason;
  }

  #choices(parts, path, where, depth) {
    for (let i = 0; i < parts.length; i++) {
      const not = own(parts[i], 'not');
      if (not === true || (isObject(not) && !hasKeys(not))) return `${where} excludes every value (not)`;
      const reason = this.#branches(parts[i], 'anyOf', path, depth) ??
        this.#branches(parts[i], 'oneOf', path, depth);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  #branches(part, key, path, depth) {
    const branches = own(part, key);
    if (!ArrayIsArray(branches)) return undefined;
    let first;
    for (let i = 0; i < branches.length; i++) {
      const reason = this.impossible(branches[i], path, depth + 1);
      if (reason === undefined) return undefined;
      first ??= reason;
    }
    return first === undefined ? undefined : `no branch of ${key} can be met: ${first}`;
  }

  #numbers(parts, types, where) {
    if ((types & ~(WHOLE | FRACTION)) !== 0) return undefined;
    const least = bound(parts, 'minimum', true);
    const most = bound(parts, 'maximum', false);
    const above = bound(parts, 'exclusiveMinimum', true);
    const below = bound(parts, 'exclusiveMaximum', false);
    const low = above !== undefined && !(least > above) ? above : least;
    const high = below !== undefined && !(most < below) ? below : most;
    if (low === undefined || high === undefined) return undefined;
    const open = low === above || high === below;
    if (low > high || (low === high && open)) return `${where} has bounds that leave no number`;
    if (types === WHOLE && !open && MathCeil(low) > MathFloor(high)) {
      return `${where} has bounds that leave no whole number`;
    }
    return undefined;
  }

  #strings(parts, types, where) {
    if (types !== STRING) return undefined;
    return exceeds(bound(parts, 'minLength', true), bound(parts, 'maxLength', false))
      ? `${where} has a minLength above its maxLength` : undefined;
  }

  #arrays(parts, types, path, where, depth) {
    if (types !== ARRAY) return undefined;
    const least = bound(parts, 'minItems', true) ?? 0;
    if (exceeds(least, bound(parts, 'maxItems', false))) return `${where} has a minItems above its maxItems`;
    for (let i = 0; i < parts.length; i++) {
      const { prefixItems, items, contains, minContains } = { __proto__: null, ...parts[i] };
      const tuple = ArrayIsArray(prefixItems) ? prefixItems : (ArrayIsArray(items) ? items : []);
      const rest = ArrayIsArray(items) ? own(parts[i], 'additionalItems') : items;
      for (let j = 0; j < tuple.length && j < least; j++) {
        const reason = this.impossible(tuple[j], `${path}/${j}`, depth + 1);
        if (reason !== undefined) return reason;
      }
      if (least > tuple.length && rest !== undefined) {
        const reason = this.impossible(rest, `${path}/${tuple.length}`, depth + 1);
        if (reason !== undefined) return reason;
      }
      if (contains !== undefined && minContains !== 0) {
        const reason = this.impossible(contains, `${path}/contains`, depth + 1);
        if (reason !== undefined) return reason;
      }
    }
    return undefined;
  }

  // Where no type is named, properties and required say that an object is meant.
  #objects(parts, types, path, where, depth) {
    if ((types & OBJECT) === 0) return undefined;
    if (types !== OBJECT && !this.#meansObject(parts, types)) return undefined;
    const required = [];
    for (let i = 0; i < parts.length; i++) {
      const names = own(parts[i], 'required') ?? [];
      for (let j = 0; j < names.length; j++) ArrayPrototypePush(required, names[j]);
    }
    const most = bound(parts, 'maxProperties', false);
    if (exceeds(bound(parts, 'minProperties', true), most)) {
      return `${where} has a minProperties above its maxProperties`;
    }
    for (let i = 0; i < required.length; i++) {
      const reason = this.#property(parts, required[i], path, where, depth);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  #meansObject(parts, types) {
    if (types !== ALL) return false;
    for (let i = 0; i < parts.length; i++) {
      if (ObjectHasOwn(parts[i], 'properties')) return true;
    }
    return false;
  }

  #property(parts, key, path, where, depth) {
    for (let i = 0; i < parts.length; i++) {
      const properties = own(parts[i], 'properties');
      const rest = own(parts[i], 'additionalProperties');
      const declared = isObject(properties) && ObjectHasOwn(properties, key);
      if (!declared && rest === false && !hasKeys(own(parts[i], 'patternProperties'))) {
        return `${where} requires '${key}', which additionalProperties: false excludes`;
      }
      const reason = declared ? this.impossible(properties[key], `${path}/${key}`, depth + 1) : undefined;
      if (reason !== undefined) return reason;
    }
    return undefined;
  }
}

// `targets`: a SafeMap from a schema with a reference to the schema that it means.
export function contradiction(schema, targets) {
  const reason = new Search(targets).impossible(schema, '', 0);
  return reason === undefined ? undefined : `the schema contradicts itself: ${reason}`;
}
