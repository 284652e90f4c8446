export const meta = { name: 'done-child', description: 'a workflow in a workflow' };
const own = await agent('[[say:own]]');
const child = await workflow({ scriptPath: 'child.js' }, { from: own });
let unknown = '';
try { await workflow('nobody'); } catch (error) { unknown = error.message.includes("workflow('nobody'): no workflow with that name"); }
return { own, child, unknown };
