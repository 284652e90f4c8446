// JSON Schema -> validating function, by ajv. 2020-12, or draft 7 where the schema says so or gives
// `items` an array, on which the 2020-12 build throws. No reference leaves the schema.
import Ajv07 from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';

const CACHED_MAX = 64;
const OPTIONS = {
  strict: false,           // unknown keywords are annotations
  allErrors: true,
  ownProperties: true,     // a required 'constructor' is not met by the one of Object.prototype
  validateFormats: false,  // an annotation in 2020-12; its regexes would be one more cost
  logger: false,
  code: { optimize: false },  // takes longer than it saves: a schema is compiled for a few values
};
const DATA = new Set(['const', 'enum', 'default', 'examples']);  // what they hold is no schema

const validators = new Map();  // JSON of the settings -> ajv
const compiled = new Map();    // schema text -> validating function, the least recently used first

export class BadSchema extends Error {}

// draft; ignoreKeywordsWithRef: draft 7 as it is written; unicodeRegExp; addUsedSchema: the schema can
// be named by its $id.
function ajvFor(settings) {
  const key = JSON.stringify(settings);
  let ajv = validators.get(key);
  if (ajv === undefined) {
    const { draft, ...options } = settings;
    const Ajv = draft === '7' ? (Ajv07.default ?? Ajv07) : (Ajv2020.default ?? Ajv2020);
    ajv = new Ajv({ ...OPTIONS, ...options });
    validators.set(key, ajv);
  }
  return ajv;
}

// Every object and list of a schema, but what is data.
function* nodesOf(schema) {
  const stack = [schema];
  while (stack.length > 0) {
    const node = stack.pop();
    if (typeof node !== 'object' || node === null) continue;
    yield node;
    for (const key of Object.keys(node)) if (!DATA.has(key)) stack.push(node[key]);
  }
}

function hasArrayItems(schema) {
  for (const node of nodesOf(schema)) if (Array.isArray(node.items)) return true;
  return false;
}

// draft 4's name of a schema is an unknown keyword to later drafts; ajv refuses it.
function dropOldNames(schema) {
  for (const node of nodesOf(schema)) if (typeof node.id === 'string') delete node.id;
}

// ajv resolves the reference of a schema with a name of its own without end; in a part of it, it does
// not, and means the same.
function moveNamedReferences(schema) {
  for (const node of nodesOf(schema)) {
    if (typeof node.$id !== 'string' || typeof node.$ref !== 'string') continue;
    node.allOf = [...(Array.isArray(node.allOf) ? node.allOf : []), { $ref: node.$ref }];
    delete node.$ref;
  }
}

// The function needs nothing of ajv's any more, so ajv forgets all of the schema: its names and those
// within it must not meet those of another.
function compileWith(settings, schema) {
  const ajv = ajvFor(settings);
  try {
    return ajv.compile(schema);
  } finally {
    ajv.removeSchema();
  }
}

// Patterns such as [\w-.] are fine without the u flag.
function compileEitherWay(settings, schema) {
  try {
    return compileWith({ ...settings, unicodeRegExp: true }, schema);
  } catch (error) {
    if (!/regular expression/i.test(error.message)) throw error;
    return compileWith({ ...settings, unicodeRegExp: false }, schema);
  }
}

function compileNew(schema) {
  const name = typeof schema.$schema === 'string' ? schema.$schema : '';
  const isOld = /draft-0[467]/.test(name);
  const settings = {
    draft: isOld || hasArrayItems(schema) ? '7' : '2020',
    ignoreKeywordsWithRef: isOld,
    addUsedSchema: typeof schema.$id === 'string' && schema.$id !== '',
  };
  const own = { ...schema };
  delete own.$schema;  // the build is chosen; a name that it does not know would be an error
  own.$id ??= 'urn:odw:schema';  // without a name, ajv cannot resolve a reference to the root ('#')
  dropOldNames(own);
  if (settings.draft === '2020') moveNamedReferences(own);
  try {
    return compileEitherWay(settings, own);
  } catch (error) {
    if (!/already exists/.test(error.message)) throw error;
    return compileEitherWay({ ...settings, addUsedSchema: false }, own);  // it has a draft's own name
  }
}

function message(error) {
  if (error.missingRef !== undefined) {
    return `$ref '${error.missingRef}' cannot be resolved: only references within the schema are followed`;
  }
  return String(error.message);
}

export function parseSchema(text) {
  let schema;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw new BadSchema(`the schema is not JSON: ${error.message}`);
  }
  if (typeof schema === 'boolean') return schema;
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw new BadSchema('a schema is an object');
  }
  return schema;
}

function constant(valid) {
  const validate = () => valid;
  validate.errors = [{ instancePath: '', message: 'boolean schema is false', keyword: 'false schema' }];
  return validate;
}

// The validating function of a schema's text; throws BadSchema.
export function compile(text) {
  let validate = compiled.get(text);
  if (validate === undefined) {
    const schema = parseSchema(text);
    if (typeof schema === 'boolean') return constant(schema);
    try {
      validate = compileNew(schema);
    } catch (error) {
      throw new BadSchema(message(error));
    }
  }
  compiled.delete(text);
  compiled.set(text, validate);
  if (compiled.size > CACHED_MAX) compiled.delete(compiled.keys().next().value);
  return validate;
}
