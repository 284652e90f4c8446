// meta: a pure literal (SPEC B3 to B5), evaluated from the AST and never run.

const RESERVED = new Set(['__proto__', 'constructor', 'prototype']);

export class MetaError extends Error {
  constructor(node, message) {
    super(message);
    this.loc = node.loc.start;
  }
}

const impure = (node, what) =>
  new MetaError(node, `meta must be a pure literal: ${what} is not allowed in meta`);

function keyOf(property) {
  const { key } = property;
  if (property.computed) throw impure(property, 'a computed key');
  if (key.type === 'Identifier') return key.name;
  return String(key.value);
}

function evaluateObject(node) {
  const object = {};
  for (const property of node.properties) {
    if (property.type === 'SpreadElement') throw impure(property, 'a spread');
    if (property.kind !== 'init') throw impure(property, 'a getter or setter');
    if (property.method) throw impure(property, 'a method');
    const key = keyOf(property);
    if (RESERVED.has(key)) {
      throw new MetaError(property,
        `meta must be a pure literal: reserved key name not allowed in meta: ${key}`);
    }
    if (property.shorthand) throw impure(property, `the variable ${key}`);
    if (Object.hasOwn(object, key)) throw new MetaError(property, `meta has the key '${key}' twice`);
    object[key] = evaluate(property.value);
  }
  return object;
}

export function evaluate(node) {
  switch (node.type) {
    case 'Literal':
      if (node.regex) throw impure(node, 'a regular expression');
      if (node.bigint !== undefined && node.bigint !== null) throw impure(node, 'a BigInt');
      return node.value;
    case 'TemplateLiteral':
      if (node.expressions.length > 0) throw impure(node, 'an expression in a template');
      return node.quasis[0].value.cooked;
    case 'UnaryExpression':
      if (node.operator === '-' && typeof node.argument.value === 'number') return -node.argument.value;
      throw impure(node, `the operator ${node.operator}`);
    case 'ArrayExpression':
      return node.elements.map((element) => {
        if (element === null) throw impure(node, 'a hole in an array');
        if (element.type === 'SpreadElement') throw impure(element, 'a spread');
        return evaluate(element);
      });
    case 'ObjectExpression':
      return evaluateObject(node);
    case 'Identifier':
      throw impure(node, `the variable ${node.name}`);
    case 'CallExpression': case 'NewExpression': case 'TaggedTemplateExpression':
      throw impure(node, 'a call');
    case 'BinaryExpression':
      throw impure(node, 'an operation');
    default:
      throw impure(node, 'an expression');
  }
}

// The shape of what evaluate() returned; throws MetaError at `node`.
export function checkShape(meta, node) {
  for (const key of ['name', 'description']) {
    if (typeof meta[key] === 'string' && meta[key].trim() !== '') continue;
    throw new MetaError(node, `meta.${key} must be a non-empty string`);
  }
  if (meta.phases === undefined) return;
  if (!Array.isArray(meta.phases)) {
    throw new MetaError(node, 'meta.phases must be an array of {title, detail?, model?}');
  }
  meta.phases.forEach((phase, index) => {
    if (typeof phase?.title !== 'string') {
      throw new MetaError(node, `meta.phases[${index}].title must be a string`);
    }
    for (const key of ['detail', 'model']) {
      if (phase[key] === undefined || typeof phase[key] === 'string') continue;
      throw new MetaError(node, `meta.phases[${index}].${key} must be a string`);
    }
  });
}
