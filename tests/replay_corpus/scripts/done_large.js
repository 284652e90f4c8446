export const meta = { name: 'done-large', description: 'values past the inline size' };
const text = await agent('[[big:24]]');
const again = await agent('x'.repeat(5000));
return { length: text.length, start: text.slice(0, 20), again: again.length, list: Array.from({ length: 2000 }, (_, i) => i) };
