// Shows: a saved workflow: nested.js and `odwctl exec check-claim --args '{"claim": "..."}'` call it by its name.
export const meta = {
  name: 'check-claim',
  description: 'Asks three judges about one claim; args is {claim}',
  whenToUse: 'A claim that something else depends on',
  phases: [{ title: 'Judge' }],
};

const VOTE = { type: 'object', required: ['holds'], properties: { holds: { type: 'boolean' } } };
const votes = await parallel([1, 2, 3].map((judge) => () =>
  agent(`Judge ${judge}: does this claim hold?\n${args.claim}`, { label: `judge ${judge}`, phase: 'Judge', schema: VOTE })));
const counted = votes.filter(Boolean);
return { claim: args.claim, holds: counted.filter((v) => v.holds).length * 2 > counted.length, votes: counted.length };
