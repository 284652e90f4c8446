export const meta = { name: 'done-schema', description: 'checked answers' };
const found = await agent('[[json:{"n":3,"list":["a"]}]]', { schema: {
  type: 'object', properties: { n: { type: 'integer' }, list: { type: 'array', items: { type: 'string' } } }, required: ['n'] } });
let never = 'fitted';
try { await agent('[[json:{"n":"x"}]]', { schema: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } }); } catch (error) { never = error.name; }
return { found, never };
