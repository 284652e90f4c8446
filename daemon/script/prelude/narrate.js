// phase(), log() and console (SPEC F). All of it goes to the run's log; none of it throws.
import { ArrayPrototypePush, StringPrototypeSlice } from './primordials.js';
import { host, LINE_CONSOLE, LINE_LOG, LINE_PHASE } from './host.js';
import { state } from './state.js';
import { formatText, joinTexts, logText } from './text.js';

const TITLE_LENGTH_MAX = 1024;

export function phase(title) {
  const text = StringPrototypeSlice(logText(title), 0, TITLE_LENGTH_MAX);
  state.phase = text;
  host.line(LINE_PHASE, text);
}

export function log(...values) {
  host.line(LINE_LOG, joinTexts(values, logText));
}

const print = (values) => host.line(LINE_CONSOLE, formatText(values));

// The methods that print; time, count and group would need a clock or state and do nothing.
export function makeConsole() {
  return {
    log(...values) { print(values); },
    info(...values) { print(values); },
    warn(...values) { print(values); },
    error(...values) { print(values); },
    debug(...values) { print(values); },
    trace(...values) { print(values); },
    dir(value) { print([value]); },
    table(value) { print([value]); },
    assert(condition, ...values) {
      if (condition) return;
      const rest = ['Assertion failed'];
      for (let i = 0; i < values.length; i++) ArrayPrototypePush(rest, values[i]);
      print(rest);
    },
    group(...values) { if (values.length > 0) print(values); },
    groupCollapsed(...values) { if (values.length > 0) print(values); },
    groupEnd() {}, time() {}, timeEnd() {}, timeLog() {}, count() {}, countReset() {}, clear() {},
  };
}
