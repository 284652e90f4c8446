// Shows: calls that go to different runtimes and models, with a fallback, joined by one of them.
//   build/bin/odwctl exec examples/mixed_models.js --backend mock          (the mock answers for all)
//   build/bin/odwctl exec examples/mixed_models.js --backend pandacode     (claude, codex and a bamboo provider)
export const meta = {
  name: 'mixed-models',
  description: 'Asks several models the same question and lets one reconcile their answers',
  dialect: 'builtin', // the options runtime and provider would make it odw: failures are null here
  phases: [{ title: 'Ask' }, { title: 'Reconcile', model: 'opus' }],
};

// args, all optional: {question, panel: [{name, runtime, provider, model}]}
const question = args?.question ?? 'Which is worse: a lost write, or one that is made twice?';
const panel = args?.panel ?? [
  { name: 'claude', runtime: 'claude', model: 'sonnet' },
  { name: 'codex', runtime: 'codex', fallback: 'claude/sonnet' },
  { name: 'deepseek', runtime: 'bamboo', provider: 'deepseek' },
];

const answers = await parallel(panel.map(({ name, ...where }) => () =>
  agent(`${question}\nAnswer in three sentences.`, { label: `ask ${name}`, phase: 'Ask', ...where })));
const said = panel.map(({ name }, i) => ({ name, answer: answers[i] })).filter((a) => a.answer !== null);
const silent = panel.map(({ name }) => name).filter((_, i) => answers[i] === null);
if (said.length === 0) throw new Error(`nobody answered: ${silent.join(', ')}`);

phase('Reconcile');
// No model here: the phase's own, opus, is taken.
const reconciled = await agent(
  `${question}\n\n${said.map((a) => `${a.name} says: ${a.answer}`).join('\n\n')}\n\nWhere do they agree, and who is right where not?`,
  { label: 'reconcile', runtime: 'claude' },
);
return { reconciled, said, silent };
