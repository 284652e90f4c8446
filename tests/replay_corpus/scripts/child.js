export const meta = { name: 'child', description: 'called by done_child.js' };
log('in the child');
return { said: await agent(`[[say:child of ${args.from}]]`), args };
