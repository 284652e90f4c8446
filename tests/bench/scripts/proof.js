export const meta = { name: 'proof', description: 'args.n nodes in sequence; each writes its number to args.file' };
for (let i = 0; i < args.n; i++) await agent(`[[append:${args.file}:${i}]] step ${i}`);
return args.n;
