// Which names a script refers to without declaring them: globals. For the dialect (SPEC O), where a
// script that declares its own `input` must not count as one that uses odw's.
import { children } from './walk.js';

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const BLOCKS = new Set(['BlockStatement', 'ForStatement', 'ForInStatement', 'ForOfStatement',
  'SwitchStatement', 'CatchClause', 'ClassExpression', 'ClassDeclaration', 'StaticBlock']);

// The names that a binding pattern declares.
function bound(pattern, out) {
  const stack = [pattern];
  while (stack.length > 0) {
    const node = stack.pop();
    switch (node?.type) {
      case 'Identifier': out.add(node.name); break;
      case 'ObjectPattern': for (const property of node.properties) stack.push(property); break;
      case 'Property': stack.push(node.value); break;
      case 'ArrayPattern': for (const element of node.elements) stack.push(element); break;
      case 'RestElement': stack.push(node.argument); break;
      case 'AssignmentPattern': stack.push(node.left); break;
      default: break;
    }
  }
}

function declare(node, scope) {
  switch (node.type) {
    case 'VariableDeclaration':
      for (const { id } of node.declarations) {
        bound(id, (node.kind === 'var' ? scope.owner : scope).names);
      }
      break;
    case 'FunctionExpression': case 'ClassExpression':
      if (node.id) scope.names.add(node.id.name);
      break;
    case 'CatchClause': bound(node.param, scope.names); break;
    default: break;
  }
  if (FUNCTIONS.has(node.type)) for (const param of node.params) bound(param, scope.names);
}

function newScope(outer, isFunction) {
  const scope = { outer, names: new Set() };
  scope.owner = isFunction || outer === null ? scope : outer.owner;
  return scope;
}

// An identifier that stands for a variable, rather than for a property, a key or a label.
function isReference(node, parent) {
  if (node.type !== 'Identifier' || parent === null) return false;
  switch (parent.type) {
    case 'MemberExpression': return parent.object === node || parent.computed;
    case 'Property': case 'PropertyDefinition': case 'MethodDefinition':
      return parent.value === node || parent.computed;
    case 'LabeledStatement': case 'BreakStatement': case 'ContinueStatement': return false;
    case 'MetaProperty': case 'ExportSpecifier': return false;
    // `typeof input` is how a script asks whether a name exists, not a use of it.
    case 'UnaryExpression': return parent.operator !== 'typeof';
    default: return true;
  }
}

// A Set of the free names of the program.
export function freeNames(program) {
  const references = [];
  const stack = [{ node: program, parent: null, scope: newScope(null, true) }];
  while (stack.length > 0) {
    const { node, parent, scope: outer } = stack.pop();
    const opens = FUNCTIONS.has(node.type) || BLOCKS.has(node.type);
    const scope = opens ? newScope(outer, FUNCTIONS.has(node.type)) : outer;
    if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') {
      if (node.id) outer.names.add(node.id.name);
    }
    declare(node, scope);
    if (isReference(node, parent)) references.push([node.name, scope]);
    for (const child of children(node)) stack.push({ node: child, parent: node, scope });
  }
  const free = new Set();
  for (const [name, scope] of references) {
    let at = scope;
    while (at !== null && !at.names.has(name)) at = at.outer;
    if (at === null) free.add(name);
  }
  return free;
}
