// A small value that a schema should accept, for the mock runtime. A generator of guesses: where the
// schema leaves a choice (anyOf, oneOf, a list of types), the n-th attempt makes the n-th one. The
// caller validates.
import { sample } from './pattern.js';

const DEPTH_MAX = 24;
const ATTEMPTS_MAX = 64;
const ITEMS_MAX = 1000;
const STRING_LENGTH_MAX = 100000;

const FORMATS = {
  'date-time': '2020-01-01T00:00:00Z', date: '2020-01-01', time: '00:00:00Z', duration: 'P1D',
  email: 'mock@example.org', hostname: 'example.org', ipv4: '192.0.2.1', ipv6: '2001:db8::1',
  uri: 'https://example.org/', 'uri-reference': '/mock', regex: '.*', 'json-pointer': '/mock',
  uuid: '00000000-0000-4000-8000-000000000000',
};

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function resolvePointer(root, ref) {
  if (typeof ref !== 'string' || ref[0] !== '#') return {};
  let node = root;
  for (const part of ref.slice(1).split('/').slice(1)) {
    node = node?.[decodeURIComponent(part).replace(/~1/g, '/').replace(/~0/g, '~')];
  }
  return node ?? {};
}

// Both schemas at once, as far as a guess needs it.
function merge(a, b) {
  if (!isObject(a)) return b;
  if (!isObject(b)) return a;
  const merged = { ...a, ...b };
  if (isObject(a.properties) && isObject(b.properties)) {
    merged.properties = { ...a.properties };
    for (const key of Object.keys(b.properties)) {
      merged.properties[key] = Object.hasOwn(a.properties, key)
        ? merge(a.properties[key], b.properties[key]) : b.properties[key];
    }
  }
  if (Array.isArray(a.required) && Array.isArray(b.required)) {
    merged.required = [...new Set([...a.required, ...b.required])];
  }
  for (const key of ['minimum', 'minLength', 'minItems', 'exclusiveMinimum', 'minProperties']) {
    if (typeof a[key] === 'number' && typeof b[key] === 'number') merged[key] = Math.max(a[key], b[key]);
  }
  for (const key of ['maximum', 'maxLength', 'maxItems', 'exclusiveMaximum', 'maxProperties']) {
    if (typeof a[key] === 'number' && typeof b[key] === 'number') merged[key] = Math.min(a[key], b[key]);
  }
  if (Array.isArray(a.enum) && Array.isArray(b.enum)) {
    const texts = new Set(b.enum.map((value) => JSON.stringify(value)));
    merged.enum = a.enum.filter((value) => texts.has(JSON.stringify(value)));
  }
  return merged;
}

class Synthesizer {
  #root;
  #choice;    // digits of the attempt: one for each choice met, in order
  #serial = 0;  // makes unique items differ

  constructor(root, attempt) {
    this.#root = root;
    this.#choice = attempt;
  }

  make() { return this.#value(this.#root, 0); }

  #choose(options) {
    const index = this.#choice % options.length;
    this.#choice = Math.floor(this.#choice / options.length);
    return options[index];
  }

  // The schema with references, allOf, one of anyOf and one of oneOf folded in.
  #flatten(schema, depth) {
    let flat = schema;
    for (let i = 0; i < DEPTH_MAX && isObject(flat); i++) {
      const { $ref, $dynamicRef, allOf, anyOf, oneOf, if: condition, then, else: otherwise, ...rest } = flat;
      const parts = [];
      if ($ref ?? $dynamicRef) parts.push(resolvePointer(this.#root, $ref ?? $dynamicRef));
      if (Array.isArray(allOf)) parts.push(...allOf);
      if (Array.isArray(anyOf) && anyOf.length > 0) parts.push(this.#choose(anyOf));
      if (Array.isArray(oneOf) && oneOf.length > 0) parts.push(this.#choose(oneOf));
      if (condition !== undefined) {
        parts.push(...this.#choose([[otherwise ?? {}], [condition, then ?? {}]]));
      }
      if (parts.length === 0) return flat;
      flat = parts.reduce(merge, rest);
    }
    return flat;
  }

  #value(given, depth) {
    if (depth > DEPTH_MAX) return null;
    const schema = this.#flatten(given, depth);
    if (!isObject(schema)) return 'mock';
    if (Object.hasOwn(schema, 'const')) return schema.const;
    if (Array.isArray(schema.enum) && schema.enum.length > 0) return this.#choose(schema.enum);
    switch (this.#typeOf(schema)) {
      case 'string': return this.#string(schema);
      case 'integer': return this.#number(schema, 1);
      case 'number': return this.#number(schema, 0);
      case 'boolean': return this.#choose([false, true]);
      case 'null': return null;
      case 'array': return this.#array(schema, depth);
      default: return this.#object(schema, depth);
    }
  }

  #typeOf(schema) {
    if (Array.isArray(schema.type) && schema.type.length > 0) {
      const types = schema.type.filter((type) => type !== 'null');
      return this.#choose([...types, ...schema.type.filter((type) => type === 'null')]);
    }
    if (typeof schema.type === 'string') return schema.type;
    const has = (...keys) => keys.some((key) => schema[key] !== undefined);
    if (has('properties', 'required', 'additionalProperties', 'minProperties')) return 'object';
    if (has('items', 'prefixItems', 'minItems', 'contains', 'uniqueItems')) return 'array';
    if (has('pattern', 'minLength', 'maxLength', 'format')) return 'string';
    if (has('minimum', 'maximum', 'multipleOf', 'exclusiveMinimum', 'exclusiveMaximum')) return 'number';
    if (has('not')) return this.#choose(['string', 'object', 'number', 'array', 'boolean', 'null']);
    return 'object';
  }

  #string(schema) {
    const least = Math.min(schema.minLength ?? 0, STRING_LENGTH_MAX);
    const most = schema.maxLength ?? Infinity;
    if (typeof schema.pattern === 'string') {
      const matches = (text) => new RegExp(schema.pattern, 'u').test(text);
      const guesses = [sample(schema.pattern), ...(schema.examples ?? []), 'mock', 'a', '0', 'A', ''];
      return this.#choose(guesses.filter((text) => typeof text === 'string' && text.length >= least &&
        text.length <= most && matches(text)).concat('mock').slice(0, 2));
    }
    if (Object.hasOwn(FORMATS, schema.format ?? '')) return FORMATS[schema.format];
    const text = this.#serial === 0 ? 'mock' : `mock${this.#serial}`;
    return text.padEnd(least, 'x').slice(0, most);
  }

  #number(schema, whole) {
    const step = schema.multipleOf ?? (whole === 1 ? 1 : 0);
    const above = schema.exclusiveMinimum ?? -Infinity;
    const below = schema.exclusiveMaximum ?? Infinity;
    const least = Math.max(schema.minimum ?? -Infinity, above);
    const most = Math.min(schema.maximum ?? Infinity, below);
    const start = this.#serial;
    if (step > 0) {
      let value = Math.ceil(Math.max(least, most < start ? -Infinity : start, -1e15) / step) * step;
      if (most < 0 && !(schema.minimum > -Infinity) && !(above > -Infinity)) value = Math.floor(most / step) * step;
      if (value <= above) value += step;
      if (value >= below) value -= step;
      return value + 0;
    }
    const fits = (value) => value >= least && value <= most && value > above && value < below;
    for (const value of [start, least, most, (least + most) / 2, least + 1, most - 1]) {
      if (Number.isFinite(value) && fits(value)) return value;
    }
    return 0;
  }

  #array(schema, depth) {
    const items = [];
    const tuple = schema.prefixItems ?? (Array.isArray(schema.items) ? schema.items : []);
    const rest = Array.isArray(schema.items) ? schema.additionalItems : schema.items;
    const wanted = Math.min(Math.max(schema.minItems ?? 0, schema.contains === undefined ? 0 : 1), ITEMS_MAX);
    const outer = this.#serial;
    for (let i = 0; i < wanted; i++) {
      if (schema.uniqueItems === true) this.#serial = outer + i;
      const first = i === 0 && schema.contains !== undefined ? schema.contains : (tuple[i] ?? rest ?? {});
      items.push(this.#value(first, depth + 1));
    }
    this.#serial = outer;
    return items;
  }

  #object(schema, depth) {
    const object = {};
    const properties = isObject(schema.properties) ? schema.properties : {};
    const put = (key) => {
      if (Object.hasOwn(object, key)) return;
      const inner = Object.hasOwn(properties, key) ? properties[key]
        : isObject(schema.additionalProperties) ? schema.additionalProperties : {};
      const value = this.#value(inner, depth + 1);
      Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
    };
    for (const key of Array.isArray(schema.required) ? schema.required : []) put(key);
    for (const key of Object.keys(schema.dependentRequired ?? {})) {
      if (Object.hasOwn(object, key)) for (const other of schema.dependentRequired[key]) put(other);
    }
    const wanted = Math.min(schema.minProperties ?? 0, ITEMS_MAX);
    const count = () => Object.keys(object).length;
    for (const key of Object.keys(properties)) if (count() < wanted) put(key);
    for (let i = 1; count() < wanted && i <= ITEMS_MAX; i++) put(`key${i}`);
    return object;
  }
}

// The first guess that `validate` accepts, as {value}; undefined when none is.
export function synthesize(schema, validate) {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const value = new Synthesizer(schema, attempt).make();
    if (validate(value)) return { value };
  }
  return undefined;
}
