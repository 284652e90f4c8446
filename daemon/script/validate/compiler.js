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
  addUsedSchema: false,    // two schemas with the same $id must not meet
  logger: false,
};

const validators = new Map();  // `${draft}${unicode}` -> ajv
const compiled = new Map();    // schema text -> {ajv, schema, validate}, the least recently used first

export class BadSchema extends Error {}

function ajvFor(draft, unicodeRegExp) {
  const key = draft + unicodeRegExp;
  let ajv = validators.get(key);
  if (ajv === undefined) {
    const Ajv = draft === '7' ? (Ajv07.default ?? Ajv07) : (Ajv2020.default ?? Ajv2020);
    ajv = new Ajv({ ...OPTIONS, unicodeRegExp });
    validators.set(key, ajv);
  }
  return ajv;
}

function hasArrayItems(schema) {
  const stack = [schema];
  while (stack.length > 0) {
    const node = stack.pop();
    if (typeof node !== 'object' || node === null) continue;
    if (Array.isArray(node.items)) return true;
    for (const key of Object.keys(node)) stack.push(node[key]);
  }
  return false;
}

function draftOf(schema) {
  const named = typeof schema.$schema === 'string' ? schema.$schema : '';
  return /draft-0[467]/.test(named) || hasArrayItems(schema) ? '7' : '2020';
}

function compileWith(draft, unicodeRegExp, schema) {
  const ajv = ajvFor(draft, unicodeRegExp);
  try {
    return { ajv, schema, validate: ajv.compile(schema) };
  } catch (error) {
    ajv.removeSchema(schema);
    throw error;
  }
}

function compileNew(schema) {
  const draft = draftOf(schema);
  const own = { ...schema };
  delete own.$schema;  // the build is chosen; a name that it does not know would be an error
  own.$id ??= 'urn:odw:schema';  // without a name, ajv cannot resolve a reference to the root ('#')
  try {
    return compileWith(draft, true, own);
  } catch (error) {
    if (!/regular expression/i.test(error.message)) throw error;
    return compileWith(draft, false, own);  // patterns such as [\w-.] are fine without the u flag
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

// The validating function of a schema's text; throws BadSchema.
export function compile(text) {
  let entry = compiled.get(text);
  if (entry === undefined) {
    const schema = parseSchema(text);
    try {
      entry = typeof schema === 'boolean' ? compileWith('2020', true, schema) : compileNew(schema);
    } catch (error) {
      throw new BadSchema(message(error));
    }
  }
  compiled.delete(text);
  compiled.set(text, entry);
  if (compiled.size > CACHED_MAX) {
    const [[oldest, { ajv, schema }]] = compiled;
    compiled.delete(oldest);
    ajv.removeSchema(schema);
  }
  return entry.validate;
}
