// Shows: stages: each item moves on by itself.
//   build/bin/odwctl exec examples/pipeline.js --backend mock
export const meta = {
  name: 'pipeline',
  description: 'Takes each item through three stages; no item waits for another',
  phases: [{ title: 'Draft' }, { title: 'Check' }, { title: 'Polish' }],
};

// args: {topics: ['...', '...']}
const topics = args?.topics ?? ['journals', 'leases', 'snapshots'];

// A stage gets the result of the one before, the item itself and its place in the list.
return await pipeline(
  topics,
  (topic) => agent(`Write two sentences about ${topic}.`, { label: `draft: ${topic}`, phase: 'Draft' }),
  (draft, topic) => agent(`Is this about ${topic}, and true?\n${draft}`, { label: `check: ${topic}`, phase: 'Check' }),
  async (checked, topic, index) => ({
    topic,
    place: index + 1,
    text: await agent(`Polish: ${checked}`, { label: `polish: ${topic}`, phase: 'Polish' }),
  }),
);
