// Syntax that a script may know from elsewhere and that this V8 (10.2) does not run, by its name (SPEC
// P43). Some of it acorn reads; the rest it stops at.

const notHere = (what) => `${what} not available in workflow scripts: the engine is V8 10.2 (ES2022)`;

function regexFault({ pattern, flags }) {
  if (flags.includes('v')) {
    return `${notHere('the regular expression flag v is')}. Invalid regular expression flags`;
  }
  try {
    new RegExp(pattern, flags);
    return undefined;
  } catch (error) {
    if (/\(\?[ims]*(-[ims]+)?:/.test(pattern) && /\(\?(?!:)[ims-]+:/.test(pattern)) {
      return notHere('regular expression modifiers such as (?i:...) are');
    }
    if (/Duplicate capture group name/.test(error.message)) {
      return notHere('repeated names of capture groups are');
    }
    return error.message;
  }
}

// For a node that was parsed; undefined when V8 runs it.
export function newerSyntax(node) {
  if (node.type === 'VariableDeclaration' && /using$/.test(node.kind)) {
    return notHere(`\`${node.kind}\` declarations are`);
  }
  if (node.type === 'Literal' && node.regex) return regexFault(node.regex);
  if (node.type === 'AccessorProperty') return notHere('`accessor` fields are');
  if (node.type === 'Decorator') return notHere('decorators are');
  return undefined;
}

const TYPESCRIPT = 'workflow scripts are JavaScript; TypeScript must be compiled first';
const TYPE_WORDS = /^\s*(export\s+)?(declare\s+)?(interface|type|enum|namespace|abstract\s+class)\s+[\w$]/;

// For the place that the parser stopped at: what it may have been; undefined when nothing is known.
export function explainStop(source, position, line) {
  const at = source[position];
  const before = source.slice(Math.max(0, position - 40), position);
  const after = source.slice(position, position + 40);
  if (/^\uFEFF#!/.test(source) && position <= 2) {
    return 'a #! line must be the first bytes of the file: save it without a byte order mark';
  }
  if (at === '@') return notHere('decorators are');
  if (/\baccessor\s+$/.test(before)) return notHere('`accessor` fields are');
  if (/\bimport\s+(defer|source)\s+$/.test(before) || /\bimport\s*\.\s*$/.test(before)) {
    return notHere('`import defer` and `import source` are');
  }
  if (/\busing\s+$/.test(before)) return notHere('`using` declarations are');
  if (at === '>' && before.endsWith('|')) return notHere('the pipeline operator |> is');
  if (at === '<' && /^<[A-Za-z>]/.test(after)) return notHere('JSX is');
  if (TYPE_WORDS.test(line) || (at === ':' && /[\w$\])]\??\s*$/.test(before))) return TYPESCRIPT;
  if (/^(as|satisfies)\s+[\w$]/.test(after)) return TYPESCRIPT;
  return undefined;
}
