// setTimeout and clearTimeout (SPEC P38). The daemon owns the clock: a timer is a call that is
// settled when it fires, so replay sees the same order.
import {
  NumberCtor, SafeMap, TypeErrorCtor,
} from './primordials.js';
import { host, LINE_WARNING } from './host.js';
import { runInScope } from './scope.js';
import { errorText } from './text.js';

const DELAY_MS_MAX = 1e12;
const pending = new SafeMap();

function delayMs(delay) {
  const number = NumberCtor(delay);
  if (!(number > 0)) return 0;
  return number > DELAY_MS_MAX ? DELAY_MS_MAX : number;
}

export function setTimeout(callback, delay, ...args) {
  if (typeof callback !== 'function') {
    throw new TypeErrorCtor('setTimeout() expects a function; code in a string is never run');
  }
  const id = host.timer(delay === undefined ? 0 : delayMs(delay));
  pending.set(id, { __proto__: null, callback, args, scope: host.getScope() });
  return id;
}

export function clearTimeout(id) {
  if (!pending.delete(id)) return;
  host.cancelTimer(id);
}

export function fireTimer(id) {
  const timer = pending.get(id);
  if (timer === undefined) return;
  pending.delete(id);
  try {
    runInScope(timer.scope, timer.callback, timer.args);
  } catch (error) {
    host.line(LINE_WARNING, `setTimeout callback failed: ${errorText(error)}`);
  }
}
