// Shows: fan-out and join; a part that fails leaves null and stops nobody else.
//   build/bin/odwctl exec examples/parallel_review.js --backend mock
export const meta = {
  name: 'parallel_review',
  description: 'Reviews one text from several sides at once, then joins the findings',
  phases: [{ title: 'Review' }, { title: 'Join' }],
};

// args: {text: 'what to review'}
const text = args?.text ?? 'Every queue has a limit, and says what happens past it.';
const sides = ['correctness', 'clarity', 'security', 'cost'];

phase('Review');
// A review that fails leaves null in its place and stops nobody else.
const reviews = await parallel(
  sides.map((side) => () => agent(`Review this for ${side}:\n${text}`, { label: side, phase: 'Review' })),
);
const found = sides.map((side, i) => ({ side, review: reviews[i] })).filter((r) => r.review !== null);

phase('Join');
const verdict = await agent(
  `Join these reviews into one paragraph:\n${found.map((r) => `${r.side}: ${r.review}`).join('\n')}`,
  { label: 'verdict' },
);
return { verdict, reviews: found };
