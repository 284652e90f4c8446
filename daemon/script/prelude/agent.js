// agent(prompt, options): reads every option once, coerces it here in the script's realm, and hands
// plain strings to the host (SPEC D). What is wrong with the call itself rejects without a call.
import {
  ArrayIsArray, ArrayPrototypePush, ErrorCtor, JSONStringify, MathFloor, NumberCtor, PromiseReject,
  StringCtor, StringPrototypeSlice, TypeErrorCtor, isObjectLike,
} from './primordials.js';
import { host, LINE_WARNING } from './host.js';
import { currentScope } from './scope.js';
import { state } from './state.js';
import { errorText } from './text.js';

const LABEL_LENGTH_MAX = 1024;
const TIMEOUT_MS_MAX = 2 ** 32 - 1;

function promptText(prompt) {
  if (prompt === undefined || prompt === null) {
    throw new TypeErrorCtor(`agent() needs a prompt: agent('what to do'), not ${prompt}`);
  }
  if (typeof prompt === 'symbol') throw new TypeErrorCtor('agent() needs a prompt, not a Symbol');
  return StringCtor(prompt);
}

const optionText = (value) => (value === undefined || value === null ? '' : StringCtor(value));

function labelText(value) {
  const label = optionText(value);
  return label.length > LABEL_LENGTH_MAX ? StringPrototypeSlice(label, 0, LABEL_LENGTH_MAX) : label;
}

// JSON Schema as canonical JSON. A string is the path of a schema file, which the daemon reads.
function schemaText(schema) {
  if (schema === undefined || schema === null) return '';
  if (typeof schema === 'string') return JSONStringify(schema);
  if (typeof schema !== 'object' || ArrayIsArray(schema)) {
    throw new TypeErrorCtor('agent({schema}): the schema must be a JSON Schema object');
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
  return host.canonical(json);
}

function isolationText(value) {
  const isolation = optionText(value);
  if (isolation === '' || isolation === 'worktree') return isolation;
  if (isolation === 'remote') {
    throw new ErrorCtor("agent({isolation:'remote'}) is not available in this build");
  }
  host.line(LINE_WARNING, `agent({isolation:'${isolation}'}): no such isolation, ignored`);
  return '';
}

function textList(value) {
  const list = [];
  for (let i = 0; i < value.length; i++) ArrayPrototypePush(list, StringCtor(value[i]));
  return list;
}

function timeoutMs(options) {
  const given = options.timeoutMs ?? options.timeout;
  const number = given === undefined || given === null ? 0 : MathFloor(NumberCtor(given));
  return number > 0 ? (number > TIMEOUT_MS_MAX ? TIMEOUT_MS_MAX : number) : 0;
}

const KNOWN = { __proto__: null, label: 1, phase: 1, model: 1, runtime: 1, provider: 1, effort: 1,
  agentType: 1, isolation: 1, schema: 1, command: 1, cwd: 1, timeoutMs: 1, timeout: 1,
  permission: 1, schemaDescription: 1, args: 2, tools: 2 };

// Every option without a field of its own, as canonical JSON; what JSON cannot hold is dropped.
function otherOptions(options) {
  const parts = [];
  for (const key in options) {
    const known = KNOWN[key];
    if (known === 1 || (known === 2 && ArrayIsArray(options[key]))) continue;
    let json;
    try {
      json = JSONStringify(options[key]);
    } catch {
      continue;
    }
    if (json !== undefined) ArrayPrototypePush(parts, JSONStringify(key) + ':' + json);
  }
  if (parts.length === 0) return '';
  let text = parts[0];
  for (let i = 1; i < parts.length; i++) text += ',' + parts[i];
  return host.canonical('{' + text + '}');
}

const NO_OPTIONS = { __proto__: null };

export function agent(prompt, options) {
  try {
    const text = promptText(prompt);
    // One copy: each getter and each proxy trap runs once (P19).
    const given = isObjectLike(options) && !ArrayIsArray(options)
      ? { __proto__: null, ...options } : NO_OPTIONS;
    const phase = given.phase === undefined || given.phase === null
      ? state.phase : StringCtor(given.phase);
    const rest = given === NO_OPTIONS ? undefined : [
      optionText(given.runtime), optionText(given.provider), optionText(given.effort),
      optionText(given.agentType), isolationText(given.isolation), schemaText(given.schema),
      optionText(given.command), optionText(given.cwd), optionText(given.permission),
      optionText(given.schemaDescription), timeoutMs(given),
      ArrayIsArray(given.args) ? textList(given.args) : undefined,
      ArrayIsArray(given.tools) ? textList(given.tools) : undefined,
      otherOptions(given),
    ];
    return host.agent(text, labelText(given.label), phase, optionText(given.model), rest,
                      currentScope().path);
  } catch (error) {
    return PromiseReject(error);
  }
}
