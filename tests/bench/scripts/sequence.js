export const meta = { name: 'sequence', description: 'args.n nodes, one after another' };
for (let i = 0; i < args.n; i++) await agent(`step ${i}${args.suffix ?? ''}`, { label: `s${i}` });
return args.n;
