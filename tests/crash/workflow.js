export const meta = {
  name: 'crash',
  description: '300 nodes, half of them commands, in every shape; each appends its key to args.file when it runs',
};

// args: {file, delays: one number of milliseconds a node}. A node's place in `delays` and its key follow
// from the shape alone, and its input from the results before it: a lost, doubled or mixed-up result
// changes what the workflow returns.
const digest = (value) => {
  let hash = 2166136261;
  for (const c of JSON.stringify(value)) hash = Math.imul(hash ^ c.charCodeAt(0), 16777619) >>> 0;
  return hash.toString(16);
};

const node = (index, name, before) => {
  const ms = args.delays[index];
  const key = `${index}:${name}`;
  const input = digest(before);
  if (index % 2 === 0) {
    return agent(`[[delay:${ms}]][[append:${args.file}:${key}]]${key} after ${input}`,
      { runtime: 'mock', label: key });
  }
  return agent(key, { runtime: 'command', command: 'step', label: key, args: [String(ms), args.file, key, input] });
};

const range = (count) => Array.from({ length: count }, (_, i) => i);

phase('fan');
const fan = await parallel(range(100).map((i) => () => node(i, `fan${i}`, null)));

phase('pipe'); // 20 items of 4 nodes: one, two at once, one
const pipe = await pipeline(range(20),
  (i) => node(100 + 4 * i, `pipe${i}a`, fan[i]),
  (before, i) => parallel(range(2).map((k) => () => node(101 + 4 * i + k, `pipe${i}b${k}`, before))),
  (before, i) => node(103 + 4 * i, `pipe${i}c`, before));

phase('sequence');
const sequence = [];
for (const i of range(20)) sequence.push(await node(180 + i, `seq${i}`, [sequence.at(-1), pipe[i]]));

phase('mixed'); // four sequences beside a pipeline
const [branches, stages] = await Promise.all([
  parallel(range(4).map((b) => async () => {
    let last = sequence;
    for (const i of range(15)) last = await node(200 + 15 * b + i, `branch${b}.${i}`, last);
    return last;
  })),
  pipeline(range(10), ...range(4).map((s) => (before, i) => node(260 + 4 * i + s, `stage${i}.${s}`, before))),
]);

return { fan, pipe, sequence, branches, stages };
