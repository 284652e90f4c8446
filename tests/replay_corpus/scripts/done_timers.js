export const meta = { name: 'done-timers', description: 'timers and their order' };
const order = [];
const after = (ms) => new Promise((resolve) => setTimeout(() => { order.push(ms); resolve(); }, ms));
const cleared = setTimeout(() => order.push('cleared'), 10);
clearTimeout(cleared);
await Promise.all([after(30), after(5), after(20), agent('[[say:x]]')]);
return order;
