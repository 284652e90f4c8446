// Shows: two calls at once, then one that uses both answers.
//   build/bin/odwctl exec examples/hello.js --backend mock
export const meta = {
  name: 'hello',
  description: 'Two questions at once, then one that uses both answers',
};

const [sea, sky] = await parallel([
  () => agent('Name a colour of the sea.', { label: 'sea' }),
  () => agent('Name a colour of the sky.', { label: 'sky' }),
]);
log(`sea: ${sea}; sky: ${sky}`);
return await agent(`Which is darker, ${sea} or ${sky}?`, { label: 'compare' });
