// Shows: workflows that call workflows: one by its saved name, one by its path; several at once.
//   cd examples && ../build/bin/odwctl exec nested.js --backend mock
// check-claim is .claude/workflows/check-claim.js here; `odwctl workflows list` shows it.
export const meta = {
  name: 'nested',
  description: 'Checks several claims by a saved workflow, then sums the verdicts up by another',
  phases: [{ title: 'Sum up' }],
};

// args, all optional: {claims: ['...']}
const claims = args?.claims ?? ['A torn record is found by its checksum.', 'A rename is atomic.'];

// A child shares the run's cap, budget and journal; its globals and phases are its own.
const checked = await parallel(claims.map((claim) => () => workflow('check-claim', { claim })));

let missing = null;
try {
  await workflow('no-such-workflow');
} catch (error) {
  missing = error.message.includes("workflow('no-such-workflow'): no workflow with that name");
}

phase('Sum up');
const summary = await workflow({ scriptPath: 'parts/sum_up.js' }, { verdicts: checked.filter(Boolean) });
return { checked, summary, unknown_is_caught: missing };
