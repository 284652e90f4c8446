// The run, as report.cc wrote it. Text only: nothing of it is ever read as markup.
const data = JSON.parse(document.getElementById('data').textContent);
const run = data.run;
const nodes = data.nodes;
const finished = run.ended > 0;
// An unfinished run lasts until the report was made.
const endOfTime = finished ? run.ended : data.made_unix_ms;
const STATES = ['running', 'failed', 'blocked', 'backoff', 'queued', 'done', 'cached', 'skipped', 'cancelled'];
