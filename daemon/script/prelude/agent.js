// agent(prompt, options): hands plain strings to the host (SPEC D). What is wrong with the call itself
// rejects without a call.
import {
  ArrayIsArray, ErrorCtor, JSONParse, JSONStringify, ObjectDefineProperty, PromiseCtor, PromiseReject, SafeMap,
  StringCtor, StringPrototypeStartsWith, TypeErrorCtor, whenSettled,
} from './primordials.js';
import { DIALECT_ODW, host } from './host.js';
import { copyOptions, labelText, optionText, REST_NODE_ID, REST_SCHEMA, restOf } from './options.js';
import { schemaFault } from './schema.js';
import { currentScope } from './scope.js';
import { state } from './state.js';
import { errorText } from './text.js';

function promptText(prompt) {
  if (prompt === undefined || prompt === null) {
    throw new TypeErrorCtor(`agent() needs a prompt: agent('what to do'), not ${prompt}`);
  }
  if (typeof prompt === 'symbol') throw new TypeErrorCtor('agent() needs a prompt, not a Symbol');
  return StringCtor(prompt);
}

const CHECKED_MAX = 64;
const CHECKED_LENGTH_MAX = 65536;
let checked = new SafeMap();  // JSON of a schema -> its canonical JSON, of those that are right

// Canonical JSON of a schema that a value can meet (D4, D16).
function checkedSchema(json) {
  const known = checked.get(json);
  if (known !== undefined) return known;
  const fault = schemaFault(json);
  if (fault !== undefined) throw new TypeErrorCtor(`agent({schema}): ${fault}`);
  const canonical = host.canonical(json);
  if (json.length > CHECKED_LENGTH_MAX) return canonical;
  if (checked.size >= CHECKED_MAX) checked = new SafeMap();
  checked.set(json, canonical);
  return canonical;
}

function schemaText(schema) {
  if (schema === undefined || schema === null) return '';
  if (typeof schema !== 'object' || ArrayIsArray(schema)) {
    throw new TypeErrorCtor('agent({schema}): the schema must be a JSON Schema object, or the path ' +
      'of a file with one');
  }
  let json;
  try {
    json = JSONStringify(schema);
  } catch (error) {
    throw new TypeErrorCtor(`agent({schema}): the schema is not plain JSON: ${errorText(error)}`);
  }
  if (json === undefined || json[0] !== '{') {
    throw new TypeErrorCtor('agent({schema}): the schema must be a JSON Schema object');
  }
  return checkedSchema(json);
}

function place(call) {
  return host.agent(call.prompt, call.label, call.phase, call.model, call.rest, call.scopePath);
}

// ---- Explicit ids (O24, O25): in odw a second equal call with the same id is the first one.
const byId = new SafeMap();  // id -> {print, promise}

function printOf(call) {
  return JSONStringify([call.prompt, call.model, call.rest]);
}

const isFailure = (value) => typeof value === 'object' && value !== null && value.ok === false;

function placeOnce(call) {
  const id = call.rest === undefined ? '' : call.rest[REST_NODE_ID];
  if (id === '') return place(call);
  const print = printOf(call);
  const known = byId.get(id);
  if (known !== undefined && known.print === print) return known.promise;
  const entry = { __proto__: null, print, promise: place(call) };
  byId.set(id, entry);
  const forget = () => { if (byId.get(id) === entry) byId.delete(id); };
  whenSettled(entry.promise, (value) => { if (isFailure(value)) forget(); }, forget);
  return entry.promise;
}

// ---- A schema that is the path of a file (O3): the daemon reads it, confined as the paths of child
// workflows are, and what it read is recorded with the run. Once a path in each realm.
const files = new SafeMap();  // path -> promise of {source}

function readSchemaFile(path) {
  let file = files.get(path);
  if (file === undefined) {
    file = host.readFile(path, currentScope().path);
    files.set(path, file);
  }
  return file;
}

function loadError(path, why) {
  const message = `agent({schema: '${path}'}): ${why}`;
  if (state.dialect === DIALECT_ODW) {
    return { ok: false, error: { category: 'schema_load_error', message } };
  }
  const error = new ErrorCtor(message);
  ObjectDefineProperty(error, 'code', { __proto__: null, value: 'schema_load_error',
    writable: true, configurable: true, enumerable: false });
  throw error;
}

// What the file says as canonical JSON; throws a text.
function schemaOfFile({ source }) {
  let json;
  try {
    json = JSONStringify(JSONParse(source));
  } catch (error) {
    throw `the file is no JSON: ${errorText(error)}`;
  }
  if (json[0] !== '{') throw 'the file holds no JSON Schema object';
  const fault = schemaFault(json);
  if (fault !== undefined) throw fault;
  return host.canonical(json);
}

function placeWithFile(call, path) {
  return new PromiseCtor((resolve, reject) => {
    const fail = (why) => {
      try {
        resolve(loadError(path, why));
      } catch (error) {
        reject(error);
      }
    };
    whenSettled(readSchemaFile(path), (file) => {
      try {
        call.rest[REST_SCHEMA] = schemaOfFile(file);
      } catch (why) {
        fail(typeof why === 'string' ? why : errorText(why));
        return;
      }
      try {
        resolve(placeOnce(call));
      } catch (error) {
        reject(error);
      }
    }, (error) => fail(host.isError(error) ? optionText(error.message) : errorText(error)));
  });
}

function labelOf(given, scope) {
  const own = labelText(given.label);
  return own === '' ? scope.label : own;
}

export function agent(prompt, options) {
  try {
    if (options === undefined && typeof prompt === 'string') {  // the quick way: half of a call's time
      const { label, phase, path } = currentScope();
      return host.agent(prompt, label, phase ?? state.phase, '', undefined, path);
    }
    const text = promptText(prompt);
    const given = copyOptions(options);
    const scope = currentScope();
    const { schema } = given;
    const isPath = typeof schema === 'string';
    if (isPath && (schema === '' || StringPrototypeStartsWith(schema, '{'))) {
      throw new TypeErrorCtor('agent({schema}): a string is the path of a schema file; pass a schema ' +
        'itself as an object');
    }
    const call = {
      __proto__: null,
      prompt: text,
      label: labelOf(given, scope),
      phase: optionText(given.phase ?? scope.phase ?? state.phase),
      model: optionText(given.model),
      rest: restOf(given, isPath ? '' : schemaText(schema)),
      scopePath: scope.path,
    };
    return isPath ? placeWithFile(call, schema) : placeOnce(call);
  } catch (error) {
    return PromiseReject(error);
  }
}
