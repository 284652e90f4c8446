export const meta = { name: 'done-budget', description: 'a spent budget refuses further calls' };
await agent('[[usage:in=5,out=60]][[say:x]]');
const before = [budget.total, budget.spent(), budget.remaining()];
let refused = 'no';
try { await agent('[[say:y]]'); } catch (error) { refused = error.name; }
return { before, refused };
