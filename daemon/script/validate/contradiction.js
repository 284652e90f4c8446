// Schemas that no value can meet, found before a model is asked (SPEC D16): a required key that
// additionalProperties: false excludes, here or in a value that is itself required.

const DEPTH_MAX = 50;

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function at(schema, path, depth) {
  if (schema === false) return `${path || '/'} allows no value`;
  if (!isObject(schema) || depth > DEPTH_MAX) return undefined;
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const objectOnly = schema.type === 'object' || schema.type === undefined;
  const closed = schema.additionalProperties === false && !isObject(schema.patternProperties);
  for (const key of required) {
    if (!objectOnly || typeof key !== 'string') continue;
    const declared = Object.hasOwn(properties, key);
    if (closed && !declared && schema.type === 'object') {
      return `${path || '/'} requires '${key}', which additionalProperties: false excludes`;
    }
    const inner = declared && schema.type === 'object'
      ? at(properties[key], `${path}/${key}`, depth + 1) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

// What contradicts itself, or undefined.
export function contradiction(schema) {
  return at(schema, '', 0);
}
