// Which dialect a script is written in (SPEC O): builtin, unless it uses what only the original odw
// had. meta.dialect and the caller's choice come first.
import { freeNames } from './free_names.js';
import { walk } from './walk.js';

export const BUILTIN = 1;
export const ODW = 2;

const ODW_NAMES = ['promptSlot', 'checkpoint', 'fanout', 'pandacode', 'odw', 'input'];
const ODW_OPTIONS = new Set(['runtime', 'provider', 'bambooProvider', 'nodeId', 'nodeType',
  'schemaDescription', 'outputDescription', 'maxAttempts', 'retry', 'permission']);

function isOdwOption(property) {
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

// `export default`, or an exported function named workflow.
export function isOdwEntry(node) {
  return node.type === 'ExportDefaultDeclaration' ||
    (node.type === 'ExportNamedDeclaration' && node.declaration?.type === 'FunctionDeclaration' &&
     node.declaration.id.name === 'workflow');
}

export function detectDialect(program, meta) {
  if (meta?.dialect === 'odw') return ODW;
  if (meta?.dialect === 'builtin') return BUILTIN;
  if (program.body.some(isOdwEntry)) return ODW;
  const free = freeNames(program);
  if (ODW_NAMES.some((name) => free.has(name))) return ODW;
  return usesOdwOptions(program) ? ODW : BUILTIN;
}
