// The options of agent() (SPEC D, O4, O16, O25): read once, coerced here in the script's realm. What an
// option does not know how to read is kept under its own name for the runtime.
import {
  ArrayIsArray, ArrayPrototypePush, ErrorCtor, JSONStringify, MathFloor, NumberCtor, StringCtor,
  StringPrototypeSlice, isObjectLike,
} from './primordials.js';
import { DIALECT_ODW, host, LINE_WARNING } from './host.js';
import { state } from './state.js';

const LABEL_LENGTH_MAX = 1024;
const COUNT_MAX = 2 ** 32 - 1;

const isNothing = (value) => value === undefined || value === null;

export const optionText = (value) => (isNothing(value) ? '' : StringCtor(value));

export function labelText(value) {
  const label = optionText(value);
  return label.length > LABEL_LENGTH_MAX ? StringPrototypeSlice(label, 0, LABEL_LENGTH_MAX) : label;
}

// A whole number that a field takes; 0 for what is none.
function count(value) {
  if (isNothing(value)) return 0;
  const number = MathFloor(NumberCtor(value));
  return number > 0 ? (number > COUNT_MAX ? COUNT_MAX : number) : 0;
}

function textList(value) {
  const list = [];
  for (let i = 0; i < value.length; i++) ArrayPrototypePush(list, StringCtor(value[i]));
  return list;
}

const oneOrMore = (value) => {
  if (ArrayIsArray(value)) return textList(value);
  return isNothing(value) ? undefined : [StringCtor(value)];
};

function isolationText(value) {
  const isolation = optionText(value);
  if (isolation === '' || isolation === 'worktree') return isolation;
  if (isolation === 'remote') {
    throw new ErrorCtor("agent({isolation:'remote'}) is not available in this build");
  }
  host.line(LINE_WARNING, `agent({isolation:'${StringPrototypeSlice(isolation, 0, 100)}'}): ` +
    'no such isolation, ignored');
  return '';
}

function networkText(value) {
  if (value === true || value === 'yes' || value === 'on') return 'yes';
  if (value === false || value === 'no' || value === 'off' || value === 'none') return 'no';
  return typeof value === 'string' ? value : '';  // the executor refuses what it does not know
}

// An empty list allows nothing; the request's means no limit, so it names a tool that there is none of.
const NO_TOOLS = 'none';

function toolsList(value) {
  const tools = oneOrMore(value);
  return tools !== undefined && tools.length === 0 ? [NO_TOOLS] : tools;
}

// maxAttempts counts tries; a number as `retry` counts those after the first.
function attemptsMax(given) {
  const { maxAttempts, retry } = given;
  if (!isNothing(maxAttempts)) return count(maxAttempts);
  if (retry === false) return 1;
  if (typeof retry === 'number') return retry >= 0 ? count(retry) + 1 : 0;
  if (!isObjectLike(retry)) return 0;
  const tries = retry.maxAttempts ?? retry.attempts;
  if (!isNothing(tries)) return count(tries);
  const more = retry.retries ?? retry.max;
  return isNothing(more) ? 0 : count(more) + 1;
}

// 1: a field of its own; 2: that too, where it is a list.
const KNOWN = { __proto__: null, label: 1, phase: 1, model: 1, runtime: 1, provider: 1,
  bambooProvider: 1, effort: 1, agentType: 1, isolation: 1, schema: 1, command: 1, cwd: 1,
  timeoutMs: 1, timeout: 1, permission: 1, schemaDescription: 1, outputDescription: 1,
  finalResponseDescription: 1, maxAttempts: 1, retry: 1, fallback: 1, keepIgnored: 1, stall: 1,
  stallMs: 1, id: 1, nodeId: 1, tools: 1, args: 2 };

// Every other option, as canonical JSON; what JSON cannot hold is dropped.
function otherOptions(options, network) {
  const parts = [];
  for (const key in options) {
    const known = KNOWN[key];
    if (known === 1 || (known === 2 && ArrayIsArray(options[key]))) continue;
    if (key === 'network' && network !== '') continue;
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

// One copy: each getter and each proxy trap runs once (P19).
export function copyOptions(options) {
  return isObjectLike(options) && !ArrayIsArray(options) ? { __proto__: null, ...options } : NO_OPTIONS;
}

// An id is an option of odw alone (O25); builtin ignores it.
const nodeIdOf = (given) =>
  (state.dialect === DIALECT_ODW ? optionText(given.id ?? given.nodeId) : '');

// In the order of bindings.cc's Rest; undefined when there is nothing. `schema`: its JSON or ''.
export function restOf(given, schema) {
  if (given === NO_OPTIONS) return undefined;
  const network = networkText(given.network);
  return [
    optionText(given.runtime), optionText(given.provider ?? given.bambooProvider),
    optionText(given.effort), optionText(given.agentType), isolationText(given.isolation), schema,
    optionText(given.command), optionText(given.cwd), optionText(given.permission),
    optionText(given.schemaDescription ?? given.outputDescription ?? given.finalResponseDescription),
    count(given.timeoutMs ?? given.timeout),
    ArrayIsArray(given.args) ? textList(given.args) : undefined,
    toolsList(given.tools),
    otherOptions(given, network),
    oneOrMore(given.fallback), network, oneOrMore(given.keepIgnored), attemptsMax(given),
    count(given.stallMs ?? given.stall), nodeIdOf(given),
  ];
}

export const REST_SCHEMA = 5;
export const REST_NODE_ID = 19;
