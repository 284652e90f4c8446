// The prelude: what a workflow script finds in its realm. Runs once, while the start-up snapshot is
// made; `start` runs in each realm that is made from it. The object that is exported here is for the
// host alone (realm.cc).
import { MathMax, ObjectFreeze, defineGlobal } from './primordials.js';
import { agent } from './agent.js';
import { defineBufferMethods } from './buffers.js';
import { fanout, parallel, pipeline } from './combinators.js';
import { host } from './host.js';
import { guardIntrinsics, removeGlobals } from './intrinsics.js';
import { log, makeConsole, phase } from './narrate.js';
import { checkpoint, promptSlot, runEntry, startOdw } from './odw.js';
import { describeThrown, serialize } from './outcome.js';
import { state } from './state.js';
import { errorText } from './text.js';
import { clearTimeout, fireTimer, setTimeout } from './timers.js';
import { workflow } from './workflow.js';

guardIntrinsics();
defineBufferMethods();

// Globals, not constants of the body's scope: a script may declare any of these names (SPEC B7).
for (const fn of [agent, parallel, pipeline, phase, log, workflow, setTimeout, clearTimeout, fanout,
  checkpoint, promptSlot]) {
  defineGlobal(fn.name, fn);
}
defineGlobal('console', makeConsole());

function makeBudget() {
  const total = state.budgetTotal;
  return ObjectFreeze({
    total,
    spent() { return host.spent(); },
    remaining() { return total === null ? Infinity : MathMax(0, total - host.spent()); },
  });
}

// Once in each realm, before the script.
function start(args, dialect, depth, firstPhase, listLengthMax, budgetTotal, odwJson) {
  removeGlobals();
  state.dialect = dialect;
  state.depth = depth;
  state.phase = firstPhase;
  state.listLengthMax = listLengthMax;
  state.budgetTotal = budgetTotal;
  defineGlobal('args', args);
  defineGlobal('budget', makeBudget());
  startOdw(args, odwJson);
}

const AsyncFunction = (async () => {}).constructor;  // for body.cc

export default { start, runEntry, fireTimer, describeThrown, serialize, errorText, AsyncFunction };
