// The top of the page: state and health side by side, numbers, what failed and what is waited for.
function drawHeader() {
  const failed = run.counts.failed;
  const health = run.health === 'degraded' ? `degraded: ${failed} of ${plural(run.counts.total, 'node')} failed` : 'health ok';
  byId('header').append(
    h('div', { class: 'title' },
      h('h1', {}, oneLine(run.name) || 'Unnamed run'),
      h('button', { id: 'theme', type: 'button', title: 'Light or dark' }, 'Theme')),
    h('div', { class: 'pills' },
      h('span', { class: `pill r-${run.state}`, id: 'state' }, words(run.state)),
      h('span', { class: `pill h-${run.health}`, id: 'health' }, health)),
    run.description ? h('p', { class: 'description' }, oneLine(run.description)) : '',
    h('p', { class: 'muted ids' },
      h('code', {}, oneLine(run.id)),
      run.script ? ` · ${oneLine(run.script)}` : '',
      run.owner ? ` · by ${oneLine(run.owner)}` : '',
      ` · submitted ${moment(run.submitted)}`));
  document.title = `${oneLine(run.name) || run.id}: ${words(run.state)}, ${run.health}`;
}

function card(title, value, ...notes) {
  return h('div', { class: 'card' }, h('h3', {}, title), h('div', { class: 'big' }, value),
    notes.filter(Boolean).map((note) => (note.nodeType ? note : h('div', { class: 'muted' }, note))));
}

function stateBar() {
  const total = Math.max(1, run.counts.total);
  const bar = h('div', { class: 'bar', role: 'img', 'aria-label': 'Nodes by state' });
  for (const state of STATES) {
    const n = run.counts[state] ?? 0;
    if (n === 0) continue;
    const part = h('span', { class: `fill-${state}`, title: `${n} ${words(state)}` });
    part.style.flexGrow = String(n / total);
    bar.append(part);
  }
  return bar;
}

// A line for each currency.
function costLines(usage) {
  const parts = Object.entries(usage.costs);
  if (parts.length === 0) return '–';
  return parts.map(([currency, micros]) => h('div', { class: 'money' }, money(micros, currency)));
}

function cards() {
  const c = run.counts;
  const u = run.usage;
  const ended = c.done + c.failed + c.skipped + c.cached + c.cancelled;
  const parts = STATES.filter((state) => (c[state] ?? 0) > 0).map((state) => `${c[state]} ${words(state)}`);
  return h('div', { class: 'cards' },
    card(finished ? 'Duration' : 'So far', millis(endOfTime - run.submitted),
      finished ? `ended ${moment(run.ended)}` : `report made ${moment(data.made_unix_ms)}`),
    card('Nodes', finished ? String(c.total) : `${ended} / ${c.total}`, stateBar(), parts.join(', ')),
    card('Tokens', count(tokens(u)), `${count(u.input)} in, ${count(u.output)} out`,
      u.cached ? `${count(u.cached)} from cache` : ''),
    card('Cost', costLines(u), cost(u) ? 'all attempts' : 'no prices known',
      run.overshoot_micros ? `past its ceiling by ${(run.overshoot_micros / 1e6).toFixed(4)}` : ''),
    run.resumed_from ? card('Saved', cost(run.saved) ? costLines(run.saved) : count(tokens(run.saved)),
      `${plural(c.cached, 'node')} reused`, `${count(tokens(run.saved))} tokens not paid again`) : '',
    run.budget_total ? card('Budget', count(run.budget_total),
      run.overshoot_tokens ? `passed by ${count(run.overshoot_tokens)} tokens` : 'tokens; kept')
      : run.overshoot_tokens ? card('Overshoot', count(run.overshoot_tokens), 'tokens past the ceiling') : '',
    card('Re-executed', String(run.re_executed),
      run.re_executed ? `${count(run.re_executed_tokens)} tokens paid again` : 'nothing ran twice'));
}

function notices() {
  const list = [];
  if (run.resumed_from) {
    list.push(h('p', { class: 'banner plain', id: 'resumed' }, 'This run resumes ', h('code', {}, oneLine(run.resumed_from)),
      `: ${plural(run.counts.cached, 'node')} took the result of a node there. Why one did or did not: `,
      h('code', {}, `odwctl explain ${oneLine(run.id)} n1`)));
  }
  if (!finished) {
    list.push(h('p', { class: 'banner' },
      `This run has not ended: it was ${words(run.state)} when this report was made, ${moment(data.made_unix_ms)}.`,
      run.current_phase ? ` Phase: ${oneLine(run.current_phase)}.` : ''));
  }
  if (run.waiting_for.length) {
    list.push(h('div', { class: 'banner', id: 'waiting' }, 'It waits for:',
      h('ul', {}, run.waiting_for.map((reason) => h('li', {}, oneLine(reason))))));
  }
  if (run.error) {
    list.push(h('div', { class: 'banner bad' }, h('strong', {}, words(run.error.category)),
      h('pre', { dir: 'auto' }, visible(run.error.message.text))));
  }
  if (run.census.length) {
    list.push(h('div', { class: 'census', id: 'census' }, h('span', {}, 'Failures by class'),
      run.census.map((entry) => h('button', {
        type: 'button', class: 'chip', title: 'Show these nodes',
        onclick: () => showNodes({ state: 'failed', search: entry.category }),
      }, `${words(entry.category)} `, h('b', {}, String(entry.count))))));
  }
  return list;
}

// Tokens, money and time by phase and model.
function usageTable() {
  const rows = new Map();
  for (const node of nodes) {
    const key = JSON.stringify([node.phase, madeBy(node)]);
    const row = rows.get(key) ?? { phase: node.phase, model: madeBy(node), n: 0, failed: 0, input: 0, output: 0, cached: 0, costs: {}, ms: 0 };
    row.n += 1;
    row.failed += node.state === 'failed' ? 1 : 0;
    row.input += node.usage.input;
    row.output += node.usage.output;
    row.cached += node.usage.cached;
    for (const [currency, micros] of Object.entries(node.usage.costs)) row.costs[currency] = (row.costs[currency] ?? 0) + micros;
    row.ms += tookMs(node);
    rows.set(key, row);
  }
  if (rows.size === 0) return '';
  const head = ['Phase', 'Model or runtime', 'Nodes', 'Failed', 'In', 'Out', 'Cached', 'Cost', 'Time at work'];
  return h('details', { class: 'panel', id: 'usage' }, h('summary', {}, 'Tokens, cost and time by phase and model'),
    h('div', { class: 'scroll' }, h('table', { class: 'numbers' },
      h('thead', {}, h('tr', {}, head.map((title) => h('th', {}, title)))),
      h('tbody', {}, [...rows.values()].slice(0, 200).map((row) => h('tr', {},
        h('td', {}, oneLine(row.phase) || '–'), h('td', {}, row.model || '–'), h('td', {}, String(row.n)),
        h('td', {}, String(row.failed)), h('td', {}, count(row.input)), h('td', {}, count(row.output)),
        h('td', {}, count(row.cached)),
        h('td', {}, cost(row) || '–'),
        h('td', {}, millis(row.ms))))))));
}

function drawSummary() {
  byId('summary').append(...notices(), cards());
  if (run.result) byId('summary').append(h('div', { class: 'panel', id: 'result' }, valueBlock('Result', run.result, true)));
  const usage = usageTable();
  if (usage) byId('summary').append(usage);
}
