// Shows: a pipeline with a different job in each stage, and a join that knows what is missing.
//   build/bin/odwctl exec examples/research.js --backend mock
//   build/bin/odwctl exec examples/research.js --runtime claude --args '{"question": "...", "breadth": 5}'
export const meta = {
  name: 'research',
  description: 'Splits a question, answers each part, checks each answer, writes one report',
  phases: [
    { title: 'Plan' },
    { title: 'Answer' },
    { title: 'Check' },
    { title: 'Report' },
  ],
};

// args, all optional: {question, breadth: 4}
const question = args?.question ?? 'When is a write-ahead log enough, and when is it not?';
const breadth = args?.breadth ?? 4;

phase('Plan');
const plan = await agent(`Split this question into ${breadth} parts that can be answered apart:\n${question}`, {
  label: 'plan',
  schema: {
    type: 'object',
    required: ['parts'],
    properties: { parts: { type: 'array', minItems: 1, maxItems: breadth, items: { type: 'string', minLength: 1 } } },
  },
});

const CHECKED = {
  type: 'object',
  required: ['holds', 'problems'],
  properties: { holds: { type: 'boolean' }, problems: { type: 'array', items: { type: 'string' } } },
};

const parts = await pipeline(
  plan.parts,
  (part) => agent(`Answer with sources. Question: ${question}\nPart: ${part}`, { label: `answer: ${part}`, phase: 'Answer' }),
  async (answer, part, index) => {
    const checked = await agent(`Does this answer hold? Name each problem.\nPart: ${part}\nAnswer: ${answer}`, {
      label: `check: ${part}`, phase: 'Check', effort: 'high', schema: CHECKED,
    });
    // One revision where the check found something, then it stands as it is.
    const revised = checked.holds || checked.problems.length === 0 ? answer
      : await agent(`Revise.\nAnswer: ${answer}\nProblems: ${checked.problems.join('; ')}`, {
        label: `revise: ${part}`, phase: 'Answer',
      });
    return { number: index + 1, part, answer: revised, holds: checked.holds, problems: checked.problems };
  },
);

const answered = parts.filter(Boolean);
const missing = plan.parts.filter((_, i) => parts[i] === null);
if (missing.length > 0) log(`without an answer: ${missing.join('; ')}`);

phase('Report');
const report = await agent(
  `Write a report on: ${question}\n\n` +
    answered.map((a) => `${a.number}. ${a.part}\n${a.answer}${a.holds ? '' : '\n(not confirmed)'}`).join('\n\n') +
    (missing.length > 0 ? `\n\nSay that these parts have no answer: ${missing.join('; ')}` : ''),
  { label: 'report' },
);
return { question, parts: answered, missing, report };
