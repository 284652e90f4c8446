// Shows: a fan-out of reviewers whose every finding must survive people who try to refute it.
//   build/bin/odwctl exec examples/adversarial_review.js --backend mock
//   build/bin/odwctl exec examples/adversarial_review.js --runtime claude --args '{"text": "..."}'
export const meta = {
  name: 'adversarial-review',
  description: 'Reviews a text from several sides; a finding counts only when most refuters fail',
  whenToUse: 'A review that must not report what is not there',
  phases: [
    { title: 'Review', detail: 'one reviewer a side' },
    { title: 'Refute', detail: 'three refuters a finding' },
  ],
};

// args, all optional: {text, sides: ['correctness', ...], refuters: 3}
const text = args?.text ?? 'Every queue has a limit, and says what happens past it.';
const sides = args?.sides ?? ['correctness', 'clarity', 'security'];
const refuters = args?.refuters ?? 3;

const FINDINGS = {
  type: 'object',
  required: ['findings'],
  properties: {
    findings: {
      type: 'array',
      maxItems: 5,
      items: {
        type: 'object',
        required: ['claim', 'severity'],
        properties: { claim: { type: 'string' }, severity: { type: 'string', enum: ['low', 'high'] } },
      },
    },
  },
};
const VERDICT = {
  type: 'object',
  required: ['refuted', 'why'],
  properties: { refuted: { type: 'boolean' }, why: { type: 'string' } },
};

// A pipeline, not two parallels: a side whose review is done is refuted while others are still reviewed.
const bySide = await pipeline(
  sides,
  (side) => agent(`Review this for ${side} alone. Report what is wrong, and nothing else.\n\n${text}`, {
    label: `review: ${side}`, phase: 'Review', schema: FINDINGS,
  }),
  (review, side) => parallel(review.findings.map((finding, i) => async () => {
    const votes = await parallel(Array.from({ length: refuters }, (_, juror) => () =>
      agent(`You are refuter ${juror + 1}. Try to show that this finding about the text is wrong.\n\n${text}\n\n` +
        `Finding: ${finding.claim}`, { label: `refute ${side} ${i + 1}.${juror + 1}`, phase: 'Refute', schema: VERDICT })));
    const counted = votes.filter(Boolean); // a refuter that failed has no vote
    const refuted = counted.filter((vote) => vote.refuted).length;
    return { side, ...finding, refuted, votes: counted.length, stands: counted.length > 0 && refuted * 2 < counted.length };
  })),
);

const findings = bySide.filter(Boolean).flat().filter(Boolean);
log(`${findings.filter((f) => f.stands).length} of ${findings.length} findings stand`);
return {
  confirmed: findings.filter((f) => f.stands),
  dropped: findings.filter((f) => !f.stands),
  sides_without_answer: sides.filter((_, i) => bySide[i] === null),
};
