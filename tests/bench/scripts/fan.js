export const meta = { name: 'fan', description: 'args.n nodes at once' };
const done = await parallel(Array.from({ length: args.n }, (_, i) => () => agent(`node ${i}`, { label: `f${i}` })));
return done.filter(Boolean).length;
