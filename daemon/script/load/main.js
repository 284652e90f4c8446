// Checks a workflow script without running it: parses it, reads meta, finds the dialect (SPEC B, O).
import { checkBody } from './checks.js';
import { BUILTIN, detectDialect, ODW } from './dialect.js';
import { findEntry } from './entry.js';
import { freeNames } from './free_names.js';
import { checkShape, evaluate } from './meta.js';
import { explainStop } from './newer_syntax.js';
import { parseBody, parseLeadingMeta } from './parser.js';
import { Problems } from './problems.js';

const SOURCE_LENGTH_MAX = 524288;  // SPEC A2
const FIRST = 'Invalid workflow script: `export const meta = { name, description, phases }` ' +
  'must be the FIRST statement in the script';
const START = { line: 1, column: 0 };

// A character that nobody would see.
const named = (c) => `U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;

function parse(source, problems) {
  if (source.length > SOURCE_LENGTH_MAX) {
    problems.error(START, `the script is ${source.length} characters long; the limit is ${SOURCE_LENGTH_MAX}`);
    return undefined;
  }
  try {
    return parseBody(source);
  } catch (error) {
    const tooDeep = error instanceof RangeError || /stack space/.test(error.message);
    const loc = error.loc ?? START;
    const message = String(error.message).replace(/ \(\d+:\d+\)$/, '').replace(/[\0-\x1f\x7f]/g, named);
    const hint = tooDeep || error.pos === undefined ? undefined
      : explainStop(source, error.pos, problems.line(loc.line));
    problems.error(loc, tooDeep ? 'the script nests too deeply'
      : hint === undefined ? message : `${message}: ${hint}`);
    return undefined;
  }
}

// The statement that declares meta: {statement, declaration, init, first}.
function findMeta(program) {
  const statements = program.body.filter((statement) => statement.directive === undefined);
  for (const statement of statements) {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (declaration?.type !== 'VariableDeclaration') continue;
    const declarator = declaration.declarations.find(({ id }) => id.name === 'meta');
    if (declarator === undefined) continue;
    return { statement, declaration, declarator, first: statement === statements[0] };
  }
  return undefined;
}

// Why this meta does not do; undefined when it does.
function metaFault(meta) {
  if (!meta.first) return `${FIRST}; here it comes later`;
  if (meta.statement.type !== 'ExportNamedDeclaration') return `${FIRST}; here it is not exported`;
  if (meta.declaration.kind !== 'const') return `${FIRST}; here it is declared with ${meta.declaration.kind}`;
  if (meta.declaration.declarations.length > 1) return 'meta must be declared alone';
  if (meta.declarator.init?.type !== 'ObjectExpression') return 'meta must be an object literal';
  return undefined;
}

// The literal and the first fault of it, if any: {value, fault: {loc, message}}.
function readMeta(meta) {
  const wrong = metaFault(meta);
  const fault = wrong && { loc: meta.statement.loc.start, message: wrong };
  if (meta.declarator.init?.type !== 'ObjectExpression') return { value: undefined, fault };
  try {
    const value = evaluate(meta.declarator.init);
    if (fault === undefined) checkShape(value, meta.declarator.init);
    return { value, fault };
  } catch (error) {
    return { value: undefined, fault: fault ?? { loc: error.loc, message: error.message } };
  }
}

function checkMeta(meta, read, dialect, problems) {
  const complain = dialect === ODW ? 'warning' : 'error';
  if (meta === undefined) {
    problems[complain](START, dialect === ODW ? 'the script has no meta: it is listed by its file name' : FIRST);
  } else if (read.fault !== undefined) {
    problems[complain](read.fault.loc, read.fault.message);
  }
}

// meta of a script whose body does not parse; undefined where that is not good either.
function metaBeforeFault(source) {
  if (source.length > SOURCE_LENGTH_MAX) return undefined;
  try {
    const init = parseLeadingMeta(source);
    if (init?.type !== 'ObjectExpression') return undefined;
    const value = evaluate(init);
    checkShape(value, init);
    return value;
  } catch {
    return undefined;
  }
}

// What meta says, in the words of LoadReply. It is there with a body that is refused, too: then the
// workflow has a name, and is listed (SPEC M3).
function metaFields(value) {
  const text = (key) => (typeof value?.[key] === 'string' ? value[key] : '');
  return {
    metaJson: value === undefined ? '' : JSON.stringify(value),
    name: text('name'),
    description: text('description'),
  };
}

// chosen: odw.v1.Dialect, 0 to detect. The reply's fields are LoadReply's.
function load(source, chosen) {
  const problems = new Problems(source);
  const program = parse(source, problems);
  if (program === undefined) {
    return { problems: problems.list, dialect: chosen || BUILTIN, ...metaFields(metaBeforeFault(source)) };
  }
  const meta = findMeta(program);
  const read = meta === undefined ? {} : readMeta(meta);
  const free = freeNames(program);
  const dialect = chosen ||
    detectDialect(program, { meta: read.value, hasMeta: meta !== undefined, free });
  if (program.body.length === 0) problems.error(START, `${FIRST}; the file holds no statement`);
  else checkMeta(meta, read, dialect, problems);
  checkBody(program, { meta, dialect, free }, problems);
  const entry = dialect === ODW ? findEntry(program, problems) : '';
  const faulty = problems.failed && read.fault !== undefined;
  return { problems: problems.list, ...metaFields(faulty ? undefined : read.value), dialect, entry };
}

// For a place that V8 found.
function excerpt(source, line, column) {
  return new Problems(source).excerpt(line, column);
}

const AsyncFunction = (async () => {}).constructor;  // for body.cc

export default { load, excerpt, AsyncFunction };
