export const meta = { name: 'children', description: 'args.n calls of workflow(), one after another' };
let sum = 0;
for (let i = 0; i < args.n; i++) sum += await workflow({ scriptPath: args.child }, i);
return sum;
