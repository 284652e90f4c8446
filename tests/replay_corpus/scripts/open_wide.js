export const meta = { name: 'open-wide', description: 'open at the end, many at once' };
const all = await parallel(Array.from({ length: 40 }, (_, i) => () => (i % 8 === 3
  ? agent(`held ${i}`, { runtime: 'command', command: 'step', args: [String(i)] })
  : agent(`[[delay:${(i * 7) % 30}]][[say:${i}]]`))));
return all.map((text) => text.trim());
