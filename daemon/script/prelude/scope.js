// The structural scope of a call: the path of parallel and pipeline slots that it was made in, such
// as "p1[3]/s0". It rides on V8's continuation-preserved data, so it follows await and then.
//   p<k>[<i>]  the i-th slot of the k-th combinator call of the enclosing scope
//   s<j>       the j-th stage of a pipeline slot
import { ReflectApply } from './primordials.js';
import { host } from './host.js';

const root = { __proto__: null, path: '', combinators: 0, workflows: 0 };

export function currentScope() {
  return host.getScope() ?? root;
}

export function innerScope(parent, segment) {
  const path = parent.path === '' ? segment : parent.path + '/' + segment;
  return { __proto__: null, path, combinators: 0, workflows: 0 };
}

// fn(...args) inside `scope`; throws what fn throws.
export function runInScope(scope, fn, args) {
  const outer = host.getScope();
  host.setScope(scope);
  try {
    return ReflectApply(fn, undefined, args);
  } finally {
    host.setScope(outer);
  }
}
