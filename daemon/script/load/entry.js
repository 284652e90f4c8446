// The function that an odw script exports to be called with its input (SPEC O18).
import { children } from './walk.js';

const declares = (node, name) =>
  (node.declaration?.type === 'FunctionDeclaration' && node.declaration.id?.name === name) ||
  (node.declaration?.type === 'VariableDeclaration' &&
   node.declaration.declarations.length === 1 && node.declaration.declarations[0].id.name === name);

// `export default`, or an exported function named workflow.
export function isOdwEntry(node) {
  return node.type === 'ExportDefaultDeclaration' ||
    (node.type === 'ExportNamedDeclaration' && node.declaration?.type === 'FunctionDeclaration' &&
     declares(node, 'workflow'));
}

// What an odw script may export: meta, and the entry, which may be a constant too.
export const isOdwExport = (node) => isOdwEntry(node) ||
  (node.type === 'ExportNamedDeclaration' && (declares(node, 'meta') || declares(node, 'workflow')));

const NO_FUNCTION = new Set(['Literal', 'TemplateLiteral', 'ObjectExpression', 'ArrayExpression',
  'ClassDeclaration', 'ClassExpression']);

// Why this export is no entry; undefined when it may be one.
function faultOf(node) {
  const fn = node.declaration.type === 'VariableDeclaration'
    ? node.declaration.declarations[0].init : node.declaration;
  if (fn === null || NO_FUNCTION.has(fn.type)) {
    return 'the entry must be a function: export default async function (input) { ... }';
  }
  if (fn.generator) return 'the entry must not be a generator: nothing would take what it yields';
  return undefined;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

// A return that is in no function: with an entry the script is a module, which has none.
function findReturn(program) {
  const stack = [program];
  while (stack.length > 0) {
    const node = stack.pop();
    if (node.type === 'ReturnStatement') return node;
    if (!FUNCTIONS.has(node.type)) for (const child of children(node)) stack.push(child);
  }
  return undefined;
}

// LoadReply.entry: "default", "workflow" or "".
export function findEntry(program, problems) {
  let entry = '';
  for (const node of program.body) {
    if (!isOdwExport(node) || declares(node, 'meta')) continue;
    const fault = faultOf(node);
    if (fault !== undefined) problems.error(node.loc.start, fault);
    if (node.type === 'ExportDefaultDeclaration') entry = 'default';
    else if (entry === '') entry = 'workflow';
  }
  const stray = entry === '' ? undefined : findReturn(program);
  if (stray !== undefined) {
    problems.error(stray.loc.start, 'return is not available beside an exported entry: the script is a ' +
      'module, and what the entry returns is the result');
  }
  return entry;
}
