export const meta = { name: 'commands', description: 'args.n commands at once' };
const done = await parallel(
  Array.from({ length: args.n }, (_, i) => () => agent(`c${i}`, { runtime: 'command', command: 'noop', args: [] })),
);
return done.filter((x) => x === '').length;
