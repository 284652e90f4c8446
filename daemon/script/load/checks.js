// What a script may not contain (SPEC B9, P4), and what it had better not (C6).
import { ODW } from './dialect.js';
import { isOdwExport } from './entry.js';
import { newerSyntax } from './newer_syntax.js';
import { walk } from './walk.js';

const CLOCK = 'throws when it runs: a workflow must not depend on the time (it could not be resumed)';
const RANDOM = 'throws when it runs: a workflow must not depend on chance (it could not be resumed)';

function isMethod(node, object, method) {
  return node.callee.type === 'MemberExpression' && node.callee.object.name === object &&
    (node.callee.property.value === method ||
     (!node.callee.computed && node.callee.property.name === method));
}

// free: the script's free names; a Date of its own is none of our business.
function lint(node, free, problems) {
  const at = node.loc.start;
  if (free.has('Date')) {
    if (node.type === 'NewExpression' && node.callee.name === 'Date' && node.arguments.length === 0) {
      problems.warning(at, `new Date() ${CLOCK}`);
    }
    if (node.type === 'CallExpression' && node.callee.name === 'Date') {
      problems.warning(at, `Date() ${CLOCK}`);
    }
    if (node.type === 'CallExpression' && isMethod(node, 'Date', 'now')) {
      problems.warning(at, `Date.now() ${CLOCK}`);
    }
  }
  if (node.type === 'CallExpression' && free.has('Math') && isMethod(node, 'Math', 'random')) {
    problems.warning(at, `Math.random() ${RANDOM}`);
  }
}

function refuse(node, { meta, dialect, free }, problems) {
  const at = node.loc.start;
  switch (node.type) {
    case 'CallExpression':
      if (node.callee.name === 'require' && free.has('require')) {
        problems.error(at, 'require() is not available in workflow scripts: a script is one file');
      }
      break;
    case 'ImportExpression':
      problems.error(at, 'import() is not available in workflow scripts');
      break;
    case 'ImportDeclaration':
      problems.error(at, 'import is not available in workflow scripts: a script is one file');
      break;
    case 'MetaProperty':
      if (node.meta.name === 'import') {
        problems.error(at, 'import.meta is not available in workflow scripts');
      }
      break;
    case 'ExportNamedDeclaration': case 'ExportDefaultDeclaration': case 'ExportAllDeclaration':
      if (node === meta?.statement || (dialect === ODW && isOdwExport(node))) break;
      problems.error(at, dialect === ODW
        ? 'an odw script exports nothing but meta and its entry (export default, or a function workflow)'
        : 'a workflow script exports nothing but meta; return the result instead');
      break;
    default:
      break;
  }
}

// script: {meta, dialect, free}.
export function checkBody(program, script, problems) {
  walk(program, (node) => {
    refuse(node, script, problems);
    const newer = newerSyntax(node);
    if (newer !== undefined) problems.error(node.loc.start, newer);
    lint(node, script.free, problems);
  });
}
