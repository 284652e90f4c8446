// Shows: fanout, checkpoint and promptSlot, which scripts of the original odw use; there in both dialects.
//   build/bin/odwctl exec examples/fanout_checkpoint.js --backend mock --args '{"allowSuggestedPrompts": true}'
//   build/bin/odwctl exec examples/fanout_checkpoint.js --runtime claude --args '{"prompts": {"tone": "Be blunt."}}'
// `odwctl exec --events odw` and `odw runs show` tell a checkpoint by its name.
export const meta = {
  name: 'fanout-checkpoint',
  description: 'Rates a list of ideas at most three at once and notes where it stands',
  dialect: 'odw',
};

const ideas = args?.ideas ?? ['a lock file', 'a lease', 'a token ring', 'a coin toss'];

// Handed in as args.prompts.tone; on the mock, or where args.allowSuggestedPrompts says so, the suggestion stands in.
const tone = promptSlot('tone', { ideas }, ({ ideas: all }) => `Be brief: there are ${all.length} of them.`);

const RATING = {
  type: 'object',
  required: ['points'],
  properties: { points: { type: 'integer', minimum: 0, maximum: 10 } },
};

checkpoint('start', { ideas: ideas.length, resumed: odw.resumeFrom });
const ratings = await fanout(
  ideas,
  (idea, index) => agent(`${tone}\nRate as a way to choose one leader: ${idea}.`, {
    id: `rate-${index}`, label: `rate: ${idea}`, schema: RATING, maxAttempts: 2,
  }),
  { max: 3, phase: 'Rate' },
);
const rated = ideas.map((idea, i) => ({ idea, points: ratings[i]?.points ?? null }));
checkpoint('rated', rated);
return { ok: rated.every((r) => r.points !== null), rated };
