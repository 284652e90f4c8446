// Shows: a run that is resumed: what is unchanged is not asked again.
//   build/bin/odwctl exec examples/resumable.js --backend mock                    -> RUN
//   build/bin/odwctl resume RUN --args '{"closing": "Write one paragraph."}'      -> only the last call runs
//   build/bin/odwctl explain NEW_RUN n4
// A call is reused when its request is the same: prompt, schema, model, and so on; not its label or phase.
// So an answer travels to later calls by standing in their prompts, and by nothing else.
export const meta = {
  name: 'resumable',
  description: 'Three chapters and a closing one; another closing costs one call, not four',
  phases: [{ title: 'Chapters' }, { title: 'Closing' }],
};

// args, all optional: {chapters: [...], closing}
const chapters = args?.chapters ?? ['what a journal is', 'why it is synced', 'how it is replayed'];
const closing = args?.closing ?? 'Write one sentence.';

// Parallel calls may end in any order: each has its own place, so each is found again.
const written = await parallel(chapters.map((chapter, i) => () =>
  agent(`Chapter ${i + 1}: ${chapter}. Two sentences.`, { label: chapter, phase: 'Chapters' })));

// A chapter that failed is null. It runs again in a resume, and with it the closing, whose prompt changes.
const missing = chapters.filter((_, i) => written[i] === null);
const end = await agent(`Close this. ${closing}\n\n${written.filter(Boolean).join('\n\n')}`, { label: 'closing', phase: 'Closing' });
return { text: [...written, end].filter(Boolean), missing };
