// Which dialect a script is written in (SPEC O): builtin, unless it uses what only the original odw
// had. meta.dialect and the caller's choice come first.
import { isOdwEntry } from './entry.js';
import { walk } from './walk.js';

export const BUILTIN = 1;
export const ODW = 2;

const ODW_NAMES = ['promptSlot', 'checkpoint', 'fanout', 'pandacode', 'odw', 'input'];
const ODW_OPTIONS = new Set(['runtime', 'provider', 'bambooProvider', 'nodeId', 'nodeType',
  'schemaDescription', 'outputDescription', 'maxAttempts', 'retry', 'permission']);

function isOdwOption(property) {
  if (property.computed) return false;
  const name = property.key?.name ?? property.key?.value;
  return typeof name === 'string' && (ODW_OPTIONS.has(name) || name.startsWith('mock'));
}

function usesOdwOptions(program) {
  let found = false;
  walk(program, (node) => {
    if (node.type !== 'CallExpression' || node.callee.name !== 'agent') return;
    const options = node.arguments[1];
    if (options?.type === 'ObjectExpression' && options.properties.some(isOdwOption)) found = true;
  });
  return found;
}

// meta: its value as far as it is a literal; hasMeta: whether the script declares one at all; free: the
// script's free names.
export function detectDialect(program, { meta, hasMeta, free }) {
  if (meta?.dialect === 'odw') return ODW;
  if (meta?.dialect === 'builtin') return BUILTIN;
  if (!hasMeta || program.body.some(isOdwEntry)) return ODW;
  if (ODW_NAMES.some((name) => free.has(name))) return ODW;
  // A script with an agent() of its own may give it any options.
  return free.has('agent') && usesOdwOptions(program) ? ODW : BUILTIN;
}
