export const meta = { name: 'wait', description: 'one node that takes args.ms' };
return await agent(`[[delay:${args.ms}]] waiting`);
