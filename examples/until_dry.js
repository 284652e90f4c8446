// Shows: a loop that goes on as long as it finds something new, with two bounds besides.
//   build/bin/odwctl exec examples/until_dry.js --backend mock
//   build/bin/odwctl exec examples/until_dry.js --runtime claude --budget 200000 --args '{"subject": "this repository"}'
export const meta = {
  name: 'until-dry',
  description: 'Asks for risks in rounds until two rounds in a row bring nothing new',
  phases: [{ title: 'Search' }],
};

// args, all optional: {subject, lenses: [...], rounds: 6}
const subject = args?.subject ?? 'a daemon that keeps a journal';
const lenses = args?.lenses ?? ['a tester', 'an operator', 'an attacker'];
const ROUNDS_MAX = args?.rounds ?? 6;
const DRY_ROUNDS = 2;
const BUDGET_LEFT = 5000; // below this no further round is started

const RISKS = {
  type: 'object',
  required: ['risks'],
  properties: { risks: { type: 'array', maxItems: 10, items: { type: 'string' } } },
};

// What is the same in other words is not new: letters and digits alone are compared.
const keyOf = (risk) => risk.toLowerCase().replace(/[^a-z0-9]+/g, ' ').trim();

const known = new Map();
let rounds = 0;
let dry = 0;
while (rounds < ROUNDS_MAX && dry < DRY_ROUNDS && budget.remaining() > BUDGET_LEFT) {
  rounds += 1;
  // The prompt holds what is known: without it each round would be the same call again.
  const told = [...known.values()].map((risk) => `- ${risk}`).join('\n') || '- nothing yet';
  const answers = await parallel(lenses.map((lens) => () =>
    agent(`As ${lens}: what can go wrong with ${subject}? Leave out what is known:\n${told}`, {
      label: `round ${rounds}: ${lens}`, phase: 'Search', schema: RISKS,
    })));
  const before = known.size;
  for (const answer of answers.filter(Boolean)) {
    for (const risk of answer.risks) if (!known.has(keyOf(risk))) known.set(keyOf(risk), risk);
  }
  dry = known.size === before ? dry + 1 : 0;
  log(`round ${rounds}: ${known.size - before} new, ${known.size} in all`);
}
const ended = dry === DRY_ROUNDS ? 'dry' : rounds === ROUNDS_MAX ? 'rounds' : 'budget';
return { ended, rounds, risks: [...known.values()] };
