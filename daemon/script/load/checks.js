// What a script may not contain (SPEC B9, P4), and what it had better not (C6).
import { isOdwEntry, ODW } from './dialect.js';
import { walk } from './walk.js';

const CLOCK = 'throws when it runs: a workflow must not depend on the time (it could not be resumed)';
const RANDOM = 'throws when it runs: a workflow must not depend on chance (it could not be resumed)';

function isMethod(node, object, method) {
  return node.callee.type === 'MemberExpression' && node.callee.object.name === object &&
    (node.callee.property.name === method || node.callee.property.value === method);
}

function lint(node, problems) {
  const at = node.loc.start;
  if (node.type === 'NewExpression' && node.callee.name === 'Date' && node.arguments.length === 0) {
    problems.warning(at, `new Date() ${CLOCK}`);
  }
  if (node.type !== 'CallExpression') return;
  if (node.callee.name === 'Date') problems.warning(at, `Date() ${CLOCK}`);
  if (isMethod(node, 'Date', 'now')) problems.warning(at, `Date.now() ${CLOCK}`);
  if (isMethod(node, 'Math', 'random')) problems.warning(at, `Math.random() ${RANDOM}`);
}

function refuse(node, meta, dialect, problems) {
  const at = node.loc.start;
  switch (node.type) {
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
      if (node === meta?.statement || (dialect === ODW && isOdwEntry(node))) break;
      problems.error(at, 'a workflow script exports nothing but meta; return the result instead');
      break;
    default:
      break;
  }
}

export function checkBody(program, meta, dialect, problems) {
  walk(program, (node) => {
    refuse(node, meta, dialect, problems);
    lint(node, problems);
  });
}
