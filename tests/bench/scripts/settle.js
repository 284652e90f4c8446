export const meta = { name: 'settle', description: 'args.n promises, each settled by the core' };
let fired = 0;
await Promise.all(Array.from({ length: args.n }, () => new Promise((resolve) => setTimeout(resolve, 0)).then(() => fired++)));
return fired;
