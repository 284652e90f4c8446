export const meta = { name: 'done-combinators', description: 'parallel, pipeline, failures' };
const slots = await parallel([
  () => agent('[[delay:30]][[say:slow]]'), () => agent('[[fail:auth]]x', { label: 'refused' }), () => { throw new Error('sync'); }, () => 7,
]);
const items = await pipeline([1, 2, 3], (x) => agent(`[[say:${x}]]`), (text, original, index) => {
  if (original === 2) throw new Error('stage');
  return agent(`[[say:${text}/${index}]]`);
});
const raced = await Promise.race([agent('[[delay:40]][[say:late]]'), agent('[[delay:5]][[say:early]]')]);
return { slots, items, raced };
