// Shows: real work: command nodes measure the files of a git repository, a model sums each up.
//   deploy/survey.sh   (or see examples/README.md)
export const meta = {
  name: 'survey',
  description: 'Measures the largest files of a git repository and sums each up in a sentence',
  dialect: 'builtin', // a call that fails gives null
  phases: [
    { title: 'List', detail: 'what git tracks' },
    { title: 'Measure', detail: 'lines, commits and markers of each file' },
    { title: 'Summarise', detail: 'one sentence a file' },
  ],
};

// args, all optional: {files: 40, runtime: 'mock', provider, model}. The commands are declared in
// survey.commands.toml; they run in the folder that odwctl was started in.
const NODES_A_FILE = 5; // lines, commits, markers, first lines, summary
const FILES_MAX = 190; // 190 * 5 + 2 nodes stay below a run's 1,000
const HEAD_BYTES = '6000';

const wanted = args?.files ?? 40;
if (!Number.isInteger(wanted) || wanted < 1) {
  throw new TypeError(`args.files is ${JSON.stringify(wanted)}: give a whole number from 1 to ${FILES_MAX}`);
}
const limit = Math.min(wanted, FILES_MAX);
if (limit < wanted) log(`at most ${FILES_MAX} files fit a run of 1,000 nodes (${NODES_A_FILE} a file)`);

const run = (command, args, label, phase) =>
  agent(label, { runtime: 'command', command, args, label, phase });

phase('List');
const [listing, head] = await Promise.all([
  run('git-ls-tree', ['HEAD'], 'tracked files', 'List'),
  run('git-rev-list', ['--count', 'HEAD'], 'commits in all', 'List'),
]);

if (listing === null || head === null) {
  throw new Error('git could not read this folder; the first two nodes of the report say why');
}

// One entry: MODE TYPE HASH SIZE, a tab, the path; entries end in NUL. Links and submodules are no files.
const entries = listing.split('\0').filter(Boolean).map((entry) => {
  const tab = entry.indexOf('\t');
  const [mode, type, , size] = entry.slice(0, tab).split(/ +/);
  return { path: entry.slice(tab + 1), size: Number(size), file: type === 'blob' && mode !== '120000' };
});
const files = entries.filter((e) => e.file);
// A name that is not UTF-8 cannot be passed on as an argument.
const named = files.filter((e) => !e.path.includes('\uFFFD'));
const chosen = named
  .sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1))
  .slice(0, limit);
log(`${files.length} tracked files, surveying the ${chosen.length} largest`);

const number = (text) => {
  const value = parseInt(text ?? 'nothing', 10);
  if (Number.isNaN(value)) throw new Error(`expected a number, got ${JSON.stringify(text)}`);
  return value;
};

phase('Measure');
async function measure({ path, size }) {
  const [lines, commits, markers, first] = await parallel([
    async () => number(await run('wc', ['-l', '--', path], `lines of ${path}`, 'Measure')),
    async () => number(await run('git-rev-list', ['--count', 'HEAD', '--', path], `commits of ${path}`, 'Measure')),
    async () => number(await run('grep-count', ['-E', '-e', 'TODO|FIXME', '--', path], `markers in ${path}`, 'Measure')),
    () => run('head', ['-c', HEAD_BYTES, '--', path], `first lines of ${path}`, 'Measure'),
  ]);
  return { file: path, bytes: size, lines, commits, markers, first };
}

async function summarise(row) {
  const { first, ...measured } = row;
  // A file may contain what the mock runtime takes for a directive: [[...]].
  const text = (first ?? '').replaceAll('[[', '[ [');
  const summary = await agent(
    `${row.lines} lines, ${row.commits} commits and ${row.markers} markers in ${JSON.stringify(row.file)}. ` +
      `Say in one sentence what this file is for. It begins:\n${text}`,
    {
      label: `summary of ${row.file}`,
      phase: 'Summarise',
      runtime: args?.runtime ?? 'mock',
      provider: args?.provider,
      model: args?.model,
    },
  );
  return { ...measured, summary };
}

const table = await pipeline(chosen, measure, summarise);
const rows = table.filter(Boolean);
const failed = chosen.filter((_, i) => table[i] === null).map((e) => e.path);
const incomplete = rows.filter((r) => [r.lines, r.commits, r.markers].includes(null)).map((r) => r.file);
const sum = (key) => rows.reduce((total, row) => total + (row[key] ?? 0), 0);

return {
  commits: number(head),
  tracked_files: files.length,
  surveyed: `the ${chosen.length} largest of ${files.length} tracked files`,
  left_out: { links_and_submodules: entries.length - files.length, names_not_utf8: files.length - named.length },
  failed,
  incomplete,
  totals: { lines: sum('lines'), markers: sum('markers') },
  rows,
};
