// Shows: a workflow that nested.js calls by its path.
export const meta = {
  name: 'sum-up',
  description: 'Sums a list of verdicts up in one sentence; args is {verdicts}',
};

return await agent(`Sum up in one sentence:\n${args.verdicts.map((v) => `- ${v.claim}: ${v.holds}`).join('\n')}`, { label: 'sum up' });
