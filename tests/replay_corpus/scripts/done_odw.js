export const meta = { name: 'done-odw', description: 'the other dialect', dialect: 'odw' };
const failed = await agent('[[fail:auth]]x');
const nodes = await parallel([{ prompt: '[[say:node]]' }]);
return { ok: failed.ok, category: failed.error.category, nodes: nodes.length };
