export const meta = { name: 'child', description: 'what children.js calls' };
return args;
