// Shows: candidates that meet in pairs before judges, round by round, until one is left.
//   build/bin/odwctl exec examples/tournament.js --backend mock
//   build/bin/odwctl exec examples/tournament.js --runtime claude --args '{"task": "Name a backup tool."}'
export const meta = {
  name: 'tournament',
  description: 'Writes several candidates and lets judges choose in pairs until one is left',
  phases: [{ title: 'Write' }, { title: 'Judge' }],
};

// args, all optional: {task, styles: [...], judges: 3}
const task = args?.task ?? 'Say in one sentence what a journal is for.';
const styles = args?.styles ?? ['plain', 'exact', 'friendly', 'short', 'for an expert'];
const judges = args?.judges ?? 3; // odd, so that there is no draw

const CHOICE = {
  type: 'object',
  required: ['winner', 'why'],
  properties: { winner: { type: 'string', enum: ['first', 'second'] }, why: { type: 'string' } },
};

const written = await parallel(styles.map((style) => () =>
  agent(`${task}\nStyle: ${style}.`, { label: `write: ${style}`, phase: 'Write' })));
let field = styles.map((style, i) => ({ style, text: written[i], wins: 0 })).filter((c) => c.text !== null);
if (field.length === 0) throw new Error('no candidate was written: see the failed nodes');

async function match(first, second, round) {
  const votes = await parallel(Array.from({ length: judges }, (_, judge) => () => {
    // Every other judge sees them the other way round: models like what they read first.
    const swapped = judge % 2 === 1;
    const [a, b] = swapped ? [second, first] : [first, second];
    return agent(`Judge ${judge + 1}. Task: ${task}\n\nfirst: ${a.text}\n\nsecond: ${b.text}\n\nWhich is better?`, {
      label: `round ${round}: ${first.style} / ${second.style}, judge ${judge + 1}`, phase: 'Judge', schema: CHOICE,
    }).then((choice) => (choice === null ? null : (choice.winner === 'first') !== swapped));
  }));
  const forFirst = votes.filter((vote) => vote === true).length;
  const forSecond = votes.filter((vote) => vote === false).length;
  const winner = forSecond > forFirst ? second : first;
  return { ...winner, wins: winner.wins + 1 };
}

let rounds = 0;
while (field.length > 1) {
  rounds += 1;
  const pairs = [];
  for (let i = 0; i + 1 < field.length; i += 2) pairs.push([field[i], field[i + 1]]);
  const round = rounds;
  const winners = await parallel(pairs.map(([a, b]) => () => match(a, b, round)));
  // Whoever has no partner goes on without a match; a match that failed sends its first one on.
  const waiting = field.length % 2 === 1 ? [field[field.length - 1]] : [];
  field = [...winners.map((winner, i) => winner ?? pairs[i][0]), ...waiting];
  log(`round ${rounds}: ${field.map((c) => c.style).join(', ')}`);
}
return { winner: field[0], rounds, candidates: styles.length };
