// A row a node: searched, filtered, opened for the prompt, the result and the error.
const ROWS_AT_ONCE = 100;
const filter = { state: '', phase: null, search: '', group: null, shown: ROWS_AT_ONCE };
let searchable = null; // lower-case text of each node, made at the first search

function textOf(node) {
  return [`n${node.n}`, node.label, node.phase, node.runtime, node.model, node.command, node.executor, node.agent_type,
    ...(node.worktree?.files ?? []),
    node.error?.category, node.error?.message.text, node.prompt?.text, node.result?.text, ...(node.args ?? [])]
    .filter(Boolean).join('\n').toLowerCase();
}

function matching() {
  const search = filter.search.trim().toLowerCase();
  if (search && !searchable) searchable = new Map(nodes.map((node) => [node, textOf(node)]));
  const group = filter.group && new Set(filter.group.list);
  return nodes.filter((node) =>
    (!filter.state || node.state === filter.state) &&
    (filter.phase === null || node.phase === filter.phase) &&
    (!group || group.has(node)) &&
    (!search || searchable.get(node).includes(search)));
}

const SCHEMA_PATHS = {
  native: 'by the runtime itself', contract: 'asked for in the prompt, valid at once', repaired: 'valid after a repair',
};
function schemaText(node) {
  if (!node.schema_path) return '';
  const turns = node.repair_turns ? ` (${plural(node.repair_turns, 'repair turn')})` : '';
  return (SCHEMA_PATHS[node.schema_path] ?? words(node.schema_path)) + turns;
}

const origin = (node) => (node.cached_from ? `n${node.cached_from.n} of ${oneLine(node.cached_from.run)}` : '');

function attempts(node) {
  // The only attempt's error is the node's own, shown above.
  if (!node.attempt_errors?.length || node.attempts < 2) return '';
  return h('div', { class: 'value' }, h('h4', {}, 'Attempts that failed'),
    h('ol', { class: 'tries' }, node.attempt_errors.map((error) => h('li', {},
      h('b', {}, words(error.category)), ' ', visible(error.message.text), error.message.cut ? ' …' : ''))));
}

function facts(node) {
  const at = (time) => (time ? `+${millis(time - run.submitted)}` : '–');
  const list = [
    ['Called', at(node.called)], ['Started', at(node.started)], ['Ended', at(node.ended)],
    ['Waited', node.started ? millis(node.started - node.called) : '–'],
    ['Tokens', `${node.usage.input} in, ${node.usage.output} out, ${node.usage.cached} cached`],
    ['Cost', cost(node.usage)], ['Attempts', String(node.attempts)], ['Tool calls', node.usage.tools ? String(node.usage.tools) : ''],
    ['Runtime', [...new Set([node.runtime, node.provider, node.model])].filter(Boolean).map(oneLine).join(' · ')],
    ['Executor', oneLine(node.executor)], ['Scope', oneLine(node.scope)],
    ['Agent type', oneLine(node.agent_type ?? '')], ['Effort', oneLine(node.effort ?? '')],
    ['Permission', oneLine(node.permission ?? '')], ['Isolation', oneLine(node.isolation ?? '')],
    ['Schema', schemaText(node)], ['Reused from', origin(node)],
    ['Not enforced here', (node.not_enforced ?? []).map(oneLine).join(', ')],
  ];
  return h('dl', {}, list.filter(([, value]) => value).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

function detail(node) {
  const command = node.command
    ? [node.command, ...(node.args ?? [])].map((part) => (/^[\w./:=+,-]+$/.test(part) ? part : JSON.stringify(part))).join(' ')
    : '';
  return h('td', { colspan: '8' }, h('div', { class: 'detail' },
    facts(node),
    node.error ? h('div', { class: 'failure' }, valueBlock(`Error: ${words(node.error.category)}`, node.error.message)) : '',
    attempts(node),
    command ? valueBlock('Command', { text: command + (node.args_total ? ` … (${node.args_total} arguments)` : ''), size: command.length }) : '',
    node.prompt ? valueBlock('Prompt', node.prompt) : '',
    node.result && !(node.error && node.result.size === 0) ? valueBlock('Result', node.result, node.result.json) : '',
    node.worktree ? worktreeBlock(node) : ''));
}

function toggle(row, node) {
  const open = row.nextElementSibling?.classList.contains('open');
  row.firstElementChild.firstElementChild.setAttribute('aria-expanded', String(!open));
  if (open) row.nextElementSibling.remove();
  else row.after(h('tr', { class: 'open' }, detail(node)));
}

function rowOf(node) {
  const row = h('tr', { class: 'row', id: `node-${node.n}`, onclick: () => toggle(row, node) },
    h('td', {}, h('button', { type: 'button', class: 'expand', 'aria-expanded': 'false' }, `n${node.n}`)),
    h('td', {}, badge(node.state)),
    h('td', { class: 'label' }, h('bdi', {}, clip(oneLine(node.label), 160) || '–'),
      node.error ? h('span', { class: 'why' }, words(node.error.category)) : '',
      node.cached_from ? h('span', { class: 'muted from' }, `from ${origin(node)}`) : '',
      node.worktree?.changed ? h('span', { class: 'muted from' }, `${plural(node.worktree.files_changed, 'file')} changed`) : '',
      node.worktree?.kept ? h('span', { class: 'cut from' }, 'folder kept') : ''),
    h('td', {}, h('bdi', {}, clip(oneLine(node.phase), 40))),
    h('td', {}, clip(madeBy(node), 40)),
    h('td', { class: 'n' }, node.attempts > 1 ? String(node.attempts) : ''),
    h('td', { class: 'n' }, count(tokens(node.usage))),
    h('td', { class: 'n' }, wasRun(node) ? millis(tookMs(node)) : '–'));
  return row;
}

function drawRows() {
  const found = matching();
  const rows = found.slice(0, filter.shown);
  byId('rows').replaceChildren(...rows.map(rowOf));
  byId('found').textContent = found.length === nodes.length ? plural(nodes.length, 'node') : `${found.length} of ${plural(nodes.length, 'node')}`;
  byId('more').replaceChildren(...(found.length > rows.length
    ? [h('button', { type: 'button', onclick: () => { filter.shown += 10 * ROWS_AT_ONCE; drawRows(); } }, `Show more (${found.length - rows.length} left)`)]
    : []));
  byId('group').replaceChildren(...(filter.group
    ? [h('button', { type: 'button', class: 'chip', title: 'Show all again', onclick: () => { filter.group = null; drawRows(); } }, `${clip(filter.group.name, 40)} ✕`)]
    : []));
}

// From elsewhere on the page: the table with just these nodes, or one node opened.
function showNodes({ state = '', search = '', group = null, open = 0 }) {
  Object.assign(filter, { state, search, group, phase: null, shown: ROWS_AT_ONCE });
  if (open) filter.shown = Math.max(ROWS_AT_ONCE, nodes.findIndex((node) => node.n === open) + 1);
  byId('by-state').value = state;
  byId('by-phase').value = '*';
  byId('search').value = search;
  drawRows();
  const row = open ? byId(`node-${open}`) : byId('nodes');
  if (open) toggle(row, nodes.find((node) => node.n === open));
  row.scrollIntoView({ block: open ? 'center' : 'start' });
}

function choose(id, label, options, onchange) {
  return h('label', {}, label, h('select', { id, onchange: (event) => onchange(event.target.value) },
    options.map(([value, text]) => h('option', { value }, text))));
}

function drawNodes() {
  const refresh = () => { filter.shown = ROWS_AT_ONCE; drawRows(); };
  const states = STATES.filter((state) => nodes.some((node) => node.state === state));
  const phases = [...new Set(nodes.map((node) => node.phase))];
  const head = ['Node', 'State', 'Label', 'Phase', 'Model or runtime', 'Tries', 'Tokens', 'Time'];
  panel('nodes', 'Nodes',
    h('div', { class: 'filters' },
      h('label', {}, 'Search', h('input', { id: 'search', type: 'search', placeholder: 'label, prompt, result, error', oninput: (event) => { filter.search = event.target.value; refresh(); } })),
      choose('by-state', 'State', [['', 'all'], ...states.map((state) => [state, words(state)])], (value) => { filter.state = value; refresh(); }),
      choose('by-phase', 'Phase', [['*', 'all'], ...phases.map((phase, i) => [String(i), clip(oneLine(phase), 60) || '(no phase)'])],
        (value) => { filter.phase = value === '*' ? null : phases[Number(value)]; refresh(); }),
      h('span', { id: 'group' }), h('span', { id: 'found', class: 'muted', role: 'status' })),
    h('div', { class: 'scroll' }, h('table', { class: 'nodes' },
      h('thead', {}, h('tr', {}, head.map((title, i) => h('th', { class: i > 4 ? 'n' : '' }, title)))),
      h('tbody', { id: 'rows' }))),
    h('div', { id: 'more' }),
    h('p', { class: 'muted' }, `Prompts, results and errors are shown up to ${bytes(data.value_bytes_max)} each; where one is longer its full size is said.`));
  drawRows();
}
