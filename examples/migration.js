// Shows: nodes that change files, each in a git worktree of its own, and how their work comes home.
//   cd SOME_REPOSITORY
//   odwctl exec migration.js --runtime claude --args '{"files": ["a.c", "b.c"], "task": "Use snprintf."}'
//   odwctl diff RUN; odwctl apply RUN       (or: odwctl merge RUN)
// On the mock nothing is written unless a task says so: [[append:FILE:TEXT]].
export const meta = {
  name: 'migration',
  description: 'Changes one file a node, each in its own worktree, and has each change reviewed',
  dialect: 'builtin', // the option permission would make it odw: a changed node would be {text, worktree}
  phases: [{ title: 'Change' }, { title: 'Review' }],
};

// args: {files: ['path', ...], task: 'what to do'}
const files = args?.files ?? ['README.md'];
const task = args?.task ?? 'Correct spelling mistakes; change nothing else.';
if (!Array.isArray(files) || files.some((f) => typeof f !== 'string')) {
  throw new TypeError(`args.files is ${JSON.stringify(files)}: give a list of paths`);
}

const asked = task.replace(/\[\[.*?\]\]/g, '').trim(); // the mock would take its directives for the review's own

const REVIEW = {
  type: 'object',
  required: ['good', 'notes'],
  properties: { good: { type: 'boolean' }, notes: { type: 'string' } },
};

// What a node does to its worktree is kept on a ref when it ends, whatever it answers.
const results = await pipeline(
  files,
  (file) => agent(`In ${file} alone: ${task}\nThen say in two sentences what you changed and why.`, {
    label: `change ${file}`, phase: 'Change', isolation: 'worktree', permission: 'workspace-write',
  }),
  async (told, file) => {
    // null: skipped, or given up. Nothing of it is to be reviewed.
    if (told === null) return { file, told, review: null };
    const review = await agent(`Another node changed ${file}. It was asked: ${asked}\nIt says: ${told}\nIs that what was asked?`, {
      label: `review ${file}`, phase: 'Review', permission: 'read-only', schema: REVIEW,
    });
    return { file, told, review };
  },
);

const done = results.filter(Boolean);
const rejected = done.filter((r) => r.review === null || !r.review.good).map((r) => r.file);
log(`${done.length - rejected.length} of ${files.length} changes passed their review`);
return { changes: done, rejected, failed: files.filter((_, i) => results[i] === null) };
