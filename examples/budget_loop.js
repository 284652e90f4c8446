// Shows: work that is scaled to a budget, and what happens when the budget is spent.
//   build/bin/odwctl exec examples/budget_loop.js --backend mock --budget 300
//   build/bin/odwctl exec examples/budget_loop.js --runtime claude --budget 100000
export const meta = {
  name: 'budget-loop',
  description: 'Improves a text as long as the budget lasts, and keeps the best version',
  phases: [{ title: 'Draft' }, { title: 'Improve' }],
};

// args, all optional: {topic, rounds: 8}
const topic = args?.topic ?? 'leases';
const ROUNDS_MAX = args?.rounds ?? 8; // without --budget remaining() is Infinity: a loop needs a bound of its own

let text = await agent(`Explain ${topic} in three sentences.`, { label: 'draft', phase: 'Draft' });
let rounds = 0;
let stopped = 'rounds';
const first = budget.spent(); // what a round will take, roughly
while (rounds < ROUNDS_MAX) {
  if (budget.total !== null && budget.remaining() < first) {
    stopped = 'budget';
    break;
  }
  try {
    const better = await agent(`Improve this, in three sentences:\n${text}`, { label: `improve ${rounds + 1}`, phase: 'Improve' });
    if (better === null) break; // the provider gave up: keep what there is
    text = better;
  } catch (error) {
    // Past the ceiling agent() rejects; what was written is kept all the same.
    log(`no further call: ${error.message}`);
    stopped = 'refused';
    break;
  }
  rounds += 1;
}
return { topic, text, rounds, stopped, spent: budget.spent(), total: budget.total };
