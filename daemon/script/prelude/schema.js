// Whether a JSON Schema is one, before a model is asked (SPEC D4, P24): each keyword has its shape, each
// pattern compiles, each reference is found within the schema and none leads in a circle. Drafts 7 and
// 2020-12 alike. What it holds about values is contradiction.js's. Runs in the script's realm on a copy
// that JSON.parse made: own properties only.
import {
  ArrayIsArray, ArrayPrototypePush, DecodeURIComponent, JSONParse, NumberIsInteger, ObjectHasOwn,
  ObjectKeys, RegExpCtor, SafeMap, SafeSet, StringPrototypeIndexOf, StringPrototypeSlice,
  StringPrototypeStartsWith,
} from './primordials.js';
import { contradiction } from './contradiction.js';

const DEPTH_MAX = 200;
const METASCHEMAS = ['http://json-schema.org/draft-07/schema', 'https://json-schema.org/draft/2020-12/'];

// The shapes of keywords; see check().
const SHAPES = {
  __proto__: null,
  $id: 'text', $schema: 'text', $ref: 'text', $anchor: 'text', $dynamicRef: 'text',
  $dynamicAnchor: 'text', $comment: 'text', title: 'text', description: 'text', format: 'text',
  contentMediaType: 'text', contentEncoding: 'text', pattern: 'pattern', type: 'type',
  readOnly: 'flag', writeOnly: 'flag', deprecated: 'flag', uniqueItems: 'flag',
  maximum: 'number', exclusiveMaximum: 'number', minimum: 'number', exclusiveMinimum: 'number',
  multipleOf: 'step', maxLength: 'count', minLength: 'count', maxItems: 'count', minItems: 'count',
  maxContains: 'count', minContains: 'count', maxProperties: 'count', minProperties: 'count',
  required: 'names', dependentRequired: 'namesByKey', enum: 'choices', examples: 'list',
  $defs: 'schemaByKey', definitions: 'schemaByKey', properties: 'schemaByKey',
  patternProperties: 'schemaByPattern', dependentSchemas: 'schemaByKey', dependencies: 'either',
  allOf: 'schemas', anyOf: 'schemas', oneOf: 'schemas', prefixItems: 'schemas',
  items: 'schemaOrSchemas', additionalItems: 'schema', contains: 'schema', not: 'schema',
  additionalProperties: 'schema', propertyNames: 'schema', unevaluatedItems: 'schema',
  unevaluatedProperties: 'schema', contentSchema: 'schema', if: 'schema', then: 'schema', else: 'schema',
};
const TYPES = { __proto__: null, string: 1, number: 1, integer: 1, boolean: 1, object: 1, array: 1, null: 1 };

const isObject = (value) => typeof value === 'object' && value !== null && !ArrayIsArray(value);
const own = (object, key) => (ObjectHasOwn(object, key) ? object[key] : undefined);

class Fault {
  constructor(text) { this.text = text; }
}
const fault = (path, text) => new Fault(`${path === '' ? 'the schema' : `the schema at ${path}`}: ${text}`);

function checkPattern(path, pattern) {
  try {
    new RegExpCtor(pattern, 'u');
  } catch {
    try {
      new RegExpCtor(pattern);
    } catch {
      throw fault(path, `'${StringPrototypeSlice(pattern, 0, 100)}' is no regular expression`);
    }
  }
}

function checkNames(path, value) {
  if (!ArrayIsArray(value)) throw fault(path, 'must be a list of property names');
  const seen = new SafeSet();
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== 'string') throw fault(path, 'must be a list of property names');
    if (seen.has(value[i])) throw fault(path, `names '${value[i]}' twice`);
    seen.add(value[i]);
  }
}

function checkType(path, value) {
  const list = ArrayIsArray(value) ? value : [value];
  if (list.length === 0) throw fault(path, 'names no type');
  for (let i = 0; i < list.length; i++) {
    if (typeof list[i] === 'string' && TYPES[list[i]] === 1) continue;
    throw fault(path, 'must be string, number, integer, boolean, object, array, null or a list of those');
  }
  for (let i = 1; i < list.length; i++) {
    for (let j = 0; j < i; j++) if (list[i] === list[j]) throw fault(path, `names ${list[i]} twice`);
  }
}

// One walk over the schema: checks shapes, collects names and references.
class Checker {
  anchors = new SafeMap();  // '#name' and $id -> the schema of that name
  references = [];          // {path, ref, base, node}
  ids = [];

  schema(node, path, base, depth) {
    if (depth > DEPTH_MAX) throw fault('', 'nests too deeply');
    if (typeof node === 'boolean') return;
    if (!isObject(node)) throw fault(path, 'must be an object (a JSON Schema) or a boolean');
    const id = own(node, '$id');
    const inner = typeof id === 'string' && id !== '' && id[0] !== '#' ? node : base;
    if (typeof id === 'string') {
      this.anchors.set(id, node);
      ArrayPrototypePush(this.ids, id);
    }
    const keys = ObjectKeys(node);
    for (let i = 0; i < keys.length; i++) {
      const shape = SHAPES[keys[i]];
      if (shape !== undefined) this.check(shape, node[keys[i]], `${path}/${keys[i]}`, inner, depth);
    }
    this.collect(node, path, inner);
  }

  collect(node, path, base) {
    this.name(own(node, '$anchor'), node);
    this.name(own(node, '$dynamicAnchor'), node);
    this.reference('$ref', node, path, base);
    this.reference('$dynamicRef', node, path, base);
  }

  name(anchor, node) {
    if (anchor !== undefined) this.anchors.set('#' + anchor, node);
  }

  reference(key, node, path, base) {
    const ref = own(node, key);
    if (ref === undefined) return;
    ArrayPrototypePush(this.references, { __proto__: null, path: `${path}/${key}`, ref, base, node });
  }

  check(shape, value, path, base, depth) {
    switch (shape) {
      case 'text':
        if (typeof value !== 'string') throw fault(path, 'must be a string');
        break;
      case 'pattern':
        if (typeof value !== 'string') throw fault(path, 'must be a string');
        checkPattern(path, value);
        break;
      case 'flag':
        if (typeof value !== 'boolean') throw fault(path, 'must be true or false');
        break;
      case 'number':
        if (typeof value !== 'number') throw fault(path, 'must be a number');
        break;
      case 'step':
        if (typeof value !== 'number' || !(value > 0)) throw fault(path, 'must be a number above 0');
        break;
      case 'count':
        if (!NumberIsInteger(value) || value < 0) throw fault(path, 'must be a whole number, 0 or more');
        break;
      case 'type': checkType(path, value); break;
      case 'names': checkNames(path, value); break;
      case 'list': case 'choices':
        if (!ArrayIsArray(value)) throw fault(path, 'must be a list');
        if (shape === 'choices' && value.length === 0) throw fault(path, 'lists no value');
        break;
      default: this.checkInner(shape, value, path, base, depth + 1);
    }
  }

  checkInner(shape, value, path, base, depth) {
    const list = ArrayIsArray(value);
    if (shape === 'schema' || (shape === 'schemaOrSchemas' && !list)) {
      this.schema(value, path, base, depth);
    } else if (shape === 'schemas' || shape === 'schemaOrSchemas') {
      if (!list) throw fault(path, 'must be a list of schemas');
      if (shape === 'schemas' && value.length === 0) throw fault(path, 'lists no schema');
      for (let i = 0; i < value.length; i++) this.schema(value[i], `${path}/${i}`, base, depth);
    } else {
      if (!isObject(value)) throw fault(path, 'must be an object');
      const keys = ObjectKeys(value);
      for (let i = 0; i < keys.length; i++) {
        const at = `${path}/${keys[i]}`;
        const item = value[keys[i]];
        if (shape === 'schemaByPattern') checkPattern(at, keys[i]);
        if (shape === 'namesByKey' || (shape === 'either' && ArrayIsArray(item))) checkNames(at, item);
        else this.schema(item, at, base, depth);
      }
    }
  }
}

// A JSON pointer's part: "~1" is "/", "~0" is "~", and it is percent-encoded.
function unescape(part) {
  let text = '';
  for (let i = 0; i < part.length; i++) {
    const escaped = part[i] === '~' && (part[i + 1] === '0' || part[i + 1] === '1');
    text += !escaped ? part[i] : (part[i + 1] === '1' ? '/' : '~');
    if (escaped) i++;
  }
  try {
    return DecodeURIComponent(text);
  } catch {
    return text;
  }
}

function followPointer(node, pointer) {
  let at = node;
  let rest = pointer;
  while (rest !== '') {
    if (typeof at !== 'object' || at === null) return undefined;
    const end = StringPrototypeIndexOf(rest, '/', 1);
    at = own(at, unescape(StringPrototypeSlice(rest, 1, end < 0 ? undefined : end)));
    rest = end < 0 ? '' : StringPrototypeSlice(rest, end);
  }
  return at;
}

// An $id is relative to the one around it: either may be the longer.
function fullName(document, ids) {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (StringPrototypeSlice(document, -id.length) === id || document + '#' === id ||
        StringPrototypeSlice(id, -document.length - 1) === '/' + document) {
      return id;
    }
  }
  return document;
}

// The schema that a reference means; undefined when it is not in this schema.
function resolve(root, { ref, base }, { anchors, ids }) {
  const mark = StringPrototypeIndexOf(ref, '#');
  const document = mark < 0 ? ref : StringPrototypeSlice(ref, 0, mark);
  const fragment = mark < 0 ? '' : StringPrototypeSlice(ref, mark + 1);
  const start = document === '' ? base : anchors.get(fullName(document, ids));
  if (start === undefined) return undefined;
  if (fragment === '') return start;
  if (fragment[0] !== '/') return anchors.get('#' + fragment);
  return followPointer(start, fragment) ?? followPointer(root, fragment);
}

function isMetaschema(ref) {
  return StringPrototypeStartsWith(ref, METASCHEMAS[0]) || StringPrototypeStartsWith(ref, METASCHEMAS[1]);
}

// schema with a $ref -> what it means, for contradiction.js. Throws a Fault.
function resolveAll(root, checker) {
  const targets = new SafeMap();
  for (let i = 0; i < checker.references.length; i++) {
    const reference = checker.references[i];
    const target = resolve(root, reference, checker);
    if (target !== undefined) {
      targets.set(reference.node, target);
    } else if (!isMetaschema(reference.ref)) {
      throw fault(reference.path, `'${reference.ref}' cannot be resolved: only references within the ` +
        'schema are followed');
    }
  }
  return targets;
}

// Why a schema cannot be used; undefined when it can. `json` is JSON.
export function schemaFault(json) {
  const root = JSONParse(json);
  try {
    const checker = new Checker();
    checker.schema(root, '', root, 0);
    return contradiction(root, resolveAll(root, checker));
  } catch (error) {
    if (error instanceof Fault) return error.text;
    throw error;
  }
}
