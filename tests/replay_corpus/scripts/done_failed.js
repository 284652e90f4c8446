export const meta = { name: 'done-failed', description: 'an error of the script' };
await agent('[[say:x]]');
log('about to fail');
throw new TypeError('as it was meant');
