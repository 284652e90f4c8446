// What the original odw's scripts find besides (SPEC O14, O15): there in both dialects, since a builtin
// script may name them too, but `input`, which is odw's alone.
import {
  JSONParse, JSONStringify, StringPrototypeSlice, TypeErrorCtor, ErrorCtor, defineGlobal, isObjectLike,
} from './primordials.js';
import { agent } from './agent.js';
import { callNode } from './combinators.js';
import { DIALECT_ODW, host, LINE_LOG } from './host.js';
import { logText } from './text.js';
import { state } from './state.js';

const SHOWN_MAX = 1000;
const RUNTIMES = { __proto__: null, claude: 1, codex: 1, bamboo: 1, mock: 1, command: 1 };

// A line in the log; the value passes through.
export function checkpoint(name, value) {
  const text = value === undefined ? '' : `: ${StringPrototypeSlice(logText(value), 0, SHOWN_MAX)}`;
  host.line(LINE_LOG, `checkpoint ${logText(name)}${text}`);
  return value;
}

let facts = { __proto__: null };  // of the run: the `odw` global
let args;

const field = (value, key) => (isObjectLike(value) ? value[key] : undefined);

// A prompt that whoever starts the run hands in as args.prompts.NAME. The suggested text stands in for
// it on the mock, or where args.allowSuggestedPrompts says so.
export function promptSlot(name, context, suggested) {
  const given = field(field(args, 'prompts'), name);
  if (given !== undefined && given !== null) {
    return typeof given === 'string' ? given : JSONStringify(given);
  }
  const mayUse = facts.backend === 'mock' || field(args, 'allowSuggestedPrompts') === true;
  if (mayUse && suggested !== undefined) {
    return typeof suggested === 'function' ? suggested(context) : suggested;
  }
  throw new ErrorCtor(`missing prompt slot ${name}; pass input.prompts.${name}`);
}

// agent() on one runtime, by that runtime's name.
function onRuntime(runtime, prompt, options) {
  if (isObjectLike(prompt)) return callNode({ ...prompt, runtime });
  return agent(prompt, { ...options, runtime });
}

function makePandacode() {
  return {
    exec(first, second, third) {
      if (RUNTIMES[first] === 1 && typeof second === 'string') return onRuntime(first, second, third);
      return isObjectLike(first) ? callNode(first) : agent(first, second);
    },
    claude(prompt, options) { return onRuntime('claude', prompt, options); },
    codex(prompt, options) { return onRuntime('codex', prompt, options); },
    bamboo(prompt, options) { return onRuntime('bamboo', prompt, options); },
  };
}

// Once in each realm. `factsJson`: {backend, runId, runDir, statePath, resumeFrom, cwd}, as far as the
// daemon tells them.
export function startOdw(runArgs, factsJson) {
  args = runArgs;
  const told = factsJson === '' ? {} : JSONParse(factsJson);
  const { backend = '', runId = '', runDir = '', statePath = '', resumeFrom = null, cwd } = told;
  facts = { backend, runId, runDir, statePath, resumeFrom };
  defineGlobal('odw', facts);
  defineGlobal('pandacode', makePandacode());
  if (typeof cwd === 'string') defineGlobal('cwd', cwd);
  if (state.dialect === DIALECT_ODW) defineGlobal('input', runArgs === undefined ? null : runArgs);
}

// For a script that exports its entry (O18): when the module has been evaluated, what the entry returns.
export async function runEntry(evaluated, exports) {
  await evaluated;
  const entry = 'default' in exports ? exports.default : exports.workflow;
  if (typeof entry !== 'function') {
    throw new TypeErrorCtor('the entry that the script exports is no function: export default async ' +
      'function (input) { ... }');
  }
  return entry(args === undefined ? null : args);
}
