// Shows: timers: a pause between tries that survives a restart of the daemon, and a race with a time limit.
//   build/bin/odwctl exec examples/polite_retry.js --backend mock
export const meta = {
  name: 'polite-retry',
  description: 'Polls a service through a node, with a longer pause each time and a limit in all',
  phases: [{ title: 'Poll' }],
};

// args, all optional: {service, tries: 4, pause_ms: 20, limit_ms: 60000}
const service = args?.service ?? 'the build';
const tries = args?.tries ?? 4;
const limitMs = args?.limit_ms ?? 60_000;
let pauseMs = args?.pause_ms ?? 20;

// There is no clock in a script; a timer is an event of the run, and the same in every replay.
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const STATE = { type: 'object', required: ['ready'], properties: { ready: { type: 'boolean' } } };

async function poll() {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    // The number makes each question a call of its own in a resume.
    const state = await agent(`Look ${attempt}: is ${service} ready?`, { label: `look ${attempt}`, phase: 'Poll', schema: STATE });
    if (state?.ready) return { ready: true, looks: attempt };
    if (attempt < tries) {
      log(`not ready; waiting ${pauseMs} ms`);
      await wait(pauseMs);
      pauseMs *= 2;
    }
  }
  return { ready: false, looks: tries };
}

// The loser of a race goes on until the script returns; then it is cancelled.
return await Promise.race([poll(), wait(limitMs).then(() => ({ ready: false, looks: null, out_of_time: true }))]);
