// The structural scope of a call: the path of parallel and pipeline slots that it was made in, such
// as "p1[3]/s0", and what parallel()'s options give the calls inside. It rides on V8's
// continuation-preserved data, so it follows await and then.
//   p<k>[<i>]  the i-th slot of the k-th combinator call of the enclosing scope
//   s<j>       the j-th stage of a pipeline slot
import { ReflectApply } from './primordials.js';
import { host } from './host.js';

const root = { __proto__: null, path: '', combinators: 0, workflows: 0, phase: undefined, label: '' };

export function currentScope() {
  return host.getScope() ?? root;
}

// phase: of calls that name none, undefined for the realm's current one. label: likewise.
export function innerScope(parent, segment, phase = parent.phase, label = '') {
  const path = parent.path === '' ? segment : parent.path + '/' + segment;
  return { __proto__: null, path, combinators: 0, workflows: 0, phase, label };
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
