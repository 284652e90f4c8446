export const meta = { name: 'done-sequence', description: 'one call after another', phases: [{ title: 'First' }, { title: 'Second' }] };
phase('First');
const a = await agent('[[say:alpha]]', { label: 'a' });
log('between');
phase('Second');
const b = await agent(`[[say:${a} beta]]`, { label: 'b', model: 'some-model', effort: 'high' });
console.log('after', { b });
return { a, b, args };
