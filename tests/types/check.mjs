// check.mjs: client/types/odw.d.ts with the TypeScript compiler, against the examples and against scripts that are wrong.
// ODW_TYPESCRIPT names the compiler's module. The last line is `N passed, N failed`.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ts = (await import(pathToFileURL(process.env.ODW_TYPESCRIPT))).default;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const types = path.join(root, 'client/types/odw.d.ts');
// A script's body may return at its top level; TypeScript knows no module that does.
const RETURN_OUTSIDE = 1108;

// What an author gets told: each of these must be an error, and what stands beside it none.
const WRONG = [
  ['agent() without a prompt', 'await agent();', "await agent('x');"],
  ['a prompt that is no text', 'await agent(1);', 'await agent(`${1}`);'],
  ['a label that is no text', "await agent('x', { label: {} });", "await agent('x', { label: 'l' });"],
  ['tools that are no list', "await agent('x', { tools: 'Read' });", "await agent('x', { tools: ['Read'] });"],
  ['parallel() of promises', "await parallel([agent('x')]);", "await parallel([() => agent('x')]);"],
  ['parallel() of no list', "await parallel('x');", 'await parallel([]);'],
  ['pipeline() with a stage that is none', "await pipeline([1], 'x');", 'await pipeline([1], (x) => x);'],
  ['phase() without a title', 'phase();', "phase('p');"],
  ['budget.spent as a number', 'const n = budget.spent + 1;', 'const n = budget.spent() + 1;'],
  ['budget.total assigned', 'budget.total = 5;', 'log(budget.total);'],
  ['workflow() without a name', 'await workflow();', "await workflow('w');"],
  ['names of Node', "require('fs');", "log('fs');"],
  ['fetch', "await fetch('x');", 'await null;'],
  ['setInterval', 'setInterval(() => 0, 1);', 'setTimeout(() => 0, 1);'],
];

function filesOf(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    return entry.isDirectory() ? filesOf(name) : name.endsWith('.js') ? [name] : [];
  });
}

function optionsOf() {
  const file = path.join(root, 'client/types/tsconfig.json');
  const { config, error } = ts.readConfigFile(file, ts.sys.readFile);
  if (error) throw new Error(String(error.messageText));
  return ts.parseJsonConfigFileContent(config, ts.sys, path.dirname(file)).options;
}

// Messages by file; '' holds those of no file.
function errorsOf(files, options) {
  const found = new Map(['', types, ...files].map((file) => [file, []]));
  const program = ts.createProgram([types, ...files], options);
  for (const one of ts.getPreEmitDiagnostics(program)) {
    if (one.code === RETURN_OUTSIDE) continue;
    const file = one.file?.fileName ?? '';
    const { line, character } = one.file ? one.file.getLineAndCharacterOfPosition(one.start) : { line: 0, character: 0 };
    const text = `${line + 1}:${character + 1}: TS${one.code}: ${ts.flattenDiagnosticMessageText(one.messageText, '\n')}`;
    if (!found.has(file)) found.set(file, []);
    found.get(file).push(text);
  }
  return found;
}

let passed = 0;
let failed = 0;
function report(name, problems) {
  if (problems.length === 0) passed += 1;
  else failed += 1;
  console.log(problems.length === 0 ? `${name} ok` : `${name} FAILED\n    ${problems.join('\n    ')}`);
}

function checkExamples(options) {
  const examples = filesOf(path.join(root, 'examples'));
  for (const [file, problems] of errorsOf(examples, options)) {
    report(file === '' ? 'options' : path.relative(root, file), problems);
  }
}

function checkWrong(options, folder) {
  const files = WRONG.flatMap(([, wrong, right], number) => [[`wrong${number}.js`, wrong], [`right${number}.js`, right]]
    .map(([name, body]) => {
      const file = path.join(folder, name);
      fs.writeFileSync(file, `export const meta = { name: 'n', description: 'd' };\n${body}\n`);
      return file;
    }));
  const found = errorsOf(files, options);
  WRONG.forEach(([name], number) => {
    const wrong = found.get(path.join(folder, `wrong${number}.js`));
    report(`told: ${name}`, [...(wrong.length > 0 ? [] : ['no error']), ...found.get(path.join(folder, `right${number}.js`))]);
  });
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'odw-types-'));
try {
  const options = optionsOf();
  checkExamples(options);
  checkWrong(options, folder);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
