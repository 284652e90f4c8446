// ajv's errors as lines for a person or a model: "/items/0 must be string".

const MISMATCHES_MAX = 20;
const LENGTH_MAX = 300;

const quoted = (value) => JSON.stringify(value) ?? String(value);

function detail({ keyword, params }) {
  switch (keyword) {
    case 'additionalProperties': return `: ${quoted(params.additionalProperty)}`;
    case 'unevaluatedProperties': return `: ${quoted(params.unevaluatedProperty)}`;
    case 'enum': return `: ${params.allowedValues.slice(0, 20).map(quoted).join(', ')}`;
    case 'const': return `: ${quoted(params.allowedValue)}`;
    default: return '';
  }
}

export function mismatches(errors) {
  return (errors ?? []).slice(0, MISMATCHES_MAX).map((error) =>
    `${error.instancePath || '/'} ${error.message}${detail(error)}`.slice(0, LENGTH_MAX));
}
