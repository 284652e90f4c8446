// Walking an acorn AST without recursion: minified code nests deeply.

const SKIPPED = { __proto__: null, type: 1, start: 1, end: 1, loc: 1, range: 1, regex: 1, value: 1, raw: 1 };

// The child nodes of `node`, in source order.
export function children(node) {
  const found = [];
  for (const key of Object.keys(node)) {
    if (SKIPPED[key] && !(key === 'value' && node.value?.type)) continue;
    const value = node[key];
    if (Array.isArray(value)) {
      for (const item of value) if (item && typeof item.type === 'string') found.push(item);
    } else if (value && typeof value.type === 'string') {
      found.push(value);
    }
  }
  return found;
}

// visit(node, parent) for each node, parents first.
export function walk(root, visit) {
  const stack = [[root, null]];
  while (stack.length > 0) {
    const [node, parent] = stack.pop();
    visit(node, parent);
    const inner = children(node);
    for (let i = inner.length - 1; i >= 0; i--) stack.push([inner[i], node]);
  }
}
