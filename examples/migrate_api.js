// Shows: several runtimes that edit one repository at the same time, each part in a git worktree of its
// own; every change is read by another runtime than the one that made it, and merged by you.
//   cd SOME_REPOSITORY
//   odwctl plan migrate_api.js --args '{"from": "old_log(x)", "to": "log(LEVEL_INFO, x)", "parts": {"net": ["net/a.c", "net/b.c"], "ui": ["ui/a.c"]}}'
//   odwctl exec migrate_api.js --backend pandacode --args '...'     (claude, codex and a bamboo provider)
//   odwctl diff RUN n1; odwctl merge RUN
// tests/e2e/examples_repository_test.py runs it on the real CLIs against a scripted model.
export const meta = {
  name: 'migrate-api',
  description: 'Replaces calls of one function part by part, each part by another runtime, each change read by the next',
  dialect: 'odw', // a node in a worktree is {text, worktree: {changed, files, diff, ref}}
  phases: [{ title: 'Migrate' }, { title: 'Read' }],
};

// args: {from, to, parts: {name: [paths]}, how?, look?, runtimes?}; how: more for who changes it, look: for who reads it
const { from, to, parts, how = '', look = '', runtimes = ['claude', 'codex', 'bamboo'] } = args ?? {};
if (typeof from !== 'string' || typeof to !== 'string' || parts === null || typeof parts !== 'object') {
  throw new TypeError('give args: {"from": "old(x)", "to": "new(x)", "parts": {"name": ["path", ...]}}');
}

const VERDICT = {
  type: 'object',
  required: ['verdict', 'why'],
  properties: { verdict: { enum: ['merge', 'leave'] }, why: { type: 'string' } },
};

const failed = (value) => value === null || value?.ok === false;
const reason = (value) => (value === null ? 'skipped' : `${value.error.category}: ${value.error.message}`);

// One part: changed by `by`, read by `reader`. Nothing of it is in the repository's own files yet.
async function migrate([name, files], by, reader) {
  /** @type {any} the types know the builtin dialect's text alone */
  const change = await agent(
    `Replace every call of ${from} by ${to} in these files, and change nothing else: ${files.join(', ')}.\n` +
      `${how.replaceAll('FILES', files.join(' '))}\nThen say in two sentences what you changed.`,
    { label: `migrate ${name}`, phase: 'Migrate', runtime: by, isolation: 'worktree', permission: 'workspace-write' },
  );
  if (failed(change)) return { name, by, verdict: 'leave', why: reason(change) };
  if (!change.worktree.changed) return { name, by, verdict: 'leave', why: 'nothing was changed' };
  const strangers = change.worktree.files.filter((file) => !files.includes(file));
  if (strangers.length > 0) return { name, by, verdict: 'leave', why: `it also changed ${strangers.join(', ')}` };
  const read = await agent(
    `Does this change replace ${from} by ${to} and nothing else? Answer merge or leave, and why. ${look}\n\n${change.worktree.diff}`,
    { label: `read ${name}`, phase: 'Read', runtime: reader, permission: 'read-only', schema: VERDICT, maxAttempts: 3 },
  );
  const verdict = failed(read) ? { verdict: 'leave', why: `not read: ${reason(read)}` } : read;
  return { name, by, reader, files: change.worktree.files, ref: change.worktree.ref, verdict: verdict.verdict, why: verdict.why };
}

const done = await parallel(Object.entries(parts).map((part, i) => () =>
  migrate(part, runtimes[i % runtimes.length], runtimes[(i + 1) % runtimes.length])));
const good = done.filter((part) => part.verdict === 'merge');
log(`${good.length} of ${done.length} parts may be merged`);
// ok: false makes odwctl exit with 3. Where all are good: odwctl merge RUN; else node by node.
return { ok: good.length === done.length, parts: done };
