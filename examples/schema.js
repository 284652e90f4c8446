// Shows: an answer of a given shape, used as data.
//   build/bin/odwctl exec examples/schema.js --backend mock
export const meta = {
  name: 'schema',
  description: 'Asks for an answer of a given shape and uses it as data',
};

// The executor holds the answer against the schema and asks again where it does not fit.
const plan = await agent('Plan a small release: three steps, an owner and a number of hours each.', {
  label: 'plan',
  schema: {
    type: 'object',
    required: ['title', 'steps'],
    additionalProperties: false,
    properties: {
      title: { type: 'string' },
      steps: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          required: ['what', 'owner', 'hours'],
          properties: {
            what: { type: 'string' },
            owner: { type: 'string', enum: ['core', 'client', 'docs'] },
            hours: { type: 'integer', minimum: 1, maximum: 40 },
          },
        },
      },
    },
  },
});

const hours = plan.steps.reduce((total, step) => total + step.hours, 0);
return { title: plan.title, steps: plan.steps.length, hours };
