// The graph: groups as Mermaid text, drawn by the Mermaid that this file carries compressed.
const ARROWS_MERGED = 3;
const MARKS = { done: '✓', failed: '✗', running: '●', cached: '≡', blocked: '◌', backoff: '◌', queued: '·', skipped: '–', cancelled: '–' };
const LOOKALIKES = { '"': '”', '`': '‘', '<': '‹', '>': '›', '#': '＃', '&': '＆', ';': '；', '\\': '＼', '{': '（', '}': '）', '$': '＄', '%': '％', '*': '∗', '_': '＿', '~': '∼', '|': '｜', '@': '＠' };

// Text that Mermaid takes as text: every character that its syntax, Markdown or HTML could read
// otherwise is replaced by one that looks like it. The table below has the labels to the letter.
const inert = (text, length) => clip(oneLine(text), length).replace(/["`<>#&;\\{}$%*_~|@]/g, (c) => LOOKALIKES[c]);

function worstState(states) {
  return ['failed', 'blocked', 'backoff', 'running', 'queued', 'cancelled', 'done', 'cached', 'skipped'].find((state) => states[state]) ?? 'queued';
}

function boxText(group) {
  const lines = [];
  // A first character of ours: Markdown takes "1. " or "- " at a start for a list.
  lines.push(group.list.length === 1 ? `${MARKS[group.list[0].state] ?? '·'} ${inert(group.name, 38)}` : `▤ ${inert(group.name, 38)}`);
  const by = inert(madeBy(group.list[0]), 28);
  if (group.list.length === 1) {
    lines.push(`${by} · ${group.list[0].state === 'cached' ? 'reused' : millis(tookMs(group.list[0]))}`);
  } else {
    lines.push(`${group.list.length} calls${group.inSequence ? ' in sequence' : ''} · ${by}`);
    lines.push(STATES.filter((state) => group.states[state]).map((state) => `${group.states[state]} ${words(state)}`).join(', '));
  }
  return lines.join('<br/>');
}

function mermaidText(phases, groups, edges) {
  const chain = longestChain(groups.length, edges);
  // Phases that do not follow from each other stand side by side.
  const lines = [`flowchart ${chain <= 5 && (chain > 1 || phases.length === 1) ? 'LR' : 'TB'}`];
  phases.forEach((phase, p) => {
    const boxes = phase.groups.map((group) => {
      const index = groups.indexOf(group);
      return `  g${index}["${boxText(group)}"]:::${worstState(group.states)}`;
    });
    // Left to right, so that calls made at once stand below each other: side by side they shrink.
    if (phase.title) lines.push(` subgraph p${p}["${inert(phase.title, 60)}"]`, '  direction LR', ...boxes, ' end');
    else lines.push(...boxes);
  });
  lines.push(...arrows(phases, groups, edges));
  return lines.join('\n');
}

// Many arrows from one phase to the next become one, where all of it came before all of the next.
function arrows(phases, groups, edges) {
  const phaseOf = groups.map((group) => phases.findIndex((phase) => phase.groups.includes(group)));
  const crossing = gather(edges, ([a, b]) => `${phaseOf[a]} ${phaseOf[b]}`);
  return crossing.flatMap((list) => {
    const [from, to] = list[0].map((index) => phases[phaseOf[index]]);
    const whole = list.length >= ARROWS_MERGED && from !== to && from.title && to.title
      && from.groups.every((a) => to.groups.every((b) => precedes(a, b)));
    if (whole) return [` p${phases.indexOf(from)} --> p${phases.indexOf(to)}`];
    return list.map(([a, b]) => ` g${a} --> g${b}`);
  });
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function classLines() {
  return STATES.map((state) =>
    ` classDef ${state} fill:${colour(`--${state}-soft`)},stroke:${colour(`--${state}`)},color:${colour('--text')},stroke-width:1.5px`).join('\n');
}

async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}

async function loadMermaid() {
  const source = byId('mermaid');
  // The page's policy knows this script's hash; one that differs by a byte would not run.
  document.body.append(h('script', {}, await inflate(source.textContent)));
  source.remove();
  if (!globalThis.mermaid) throw new Error('this browser did not run the graph library');
}

const graph = { phases: [], groups: [], text: '', drawn: 0 };

async function drawDiagram() {
  const mermaid = globalThis.mermaid;
  mermaid.initialize({
    startOnLoad: false, securityLevel: 'strict', htmlLabels: false, deterministicIds: true, theme: 'base',
    fontFamily: 'system-ui, sans-serif', flowchart: { htmlLabels: false, useMaxWidth: true, nodeSpacing: 28, rankSpacing: 44 },
    themeVariables: {
      background: colour('--panel'), primaryColor: colour('--soft'), primaryTextColor: colour('--text'),
      lineColor: colour('--muted'), clusterBkg: colour('--soft'), clusterBorder: colour('--line'), titleColor: colour('--text'), fontSize: '14px',
    },
  });
  graph.drawn += 1;
  const { svg: text } = await mermaid.render(`drawing${graph.drawn}`, `${graph.text}\n${classLines()}`);
  const drawing = new DOMParser().parseFromString(text, 'text/html').querySelector('svg');
  byId('diagram').replaceChildren(document.importNode(drawing, true));
  for (const box of byId('diagram').querySelectorAll('g.node')) {
    const index = /-g(\d+)-\d+$/.exec(box.id)?.[1];
    if (index === undefined) continue;
    box.classList.add('link');
    box.addEventListener('click', () => showNodes({ group: graph.groups[Number(index)] }));
  }
}

async function drawGraph() {
  if (nodes.length === 0) return panel('graph', 'Graph', h('p', { class: 'muted' }, 'No call was made.'));
  graph.phases = groupNodes();
  graph.groups = graph.phases.flatMap((phase) => phase.groups);
  graph.text = mermaidText(graph.phases, graph.groups, orderOf(graph.groups));
  const seen = new Set(nodes.map((node) => node.phase));
  const missed = run.phases.filter((title) => !seen.has(title));
  panel('graph', 'Graph',
    h('p', { class: 'muted' }, 'Calls by phase; a box marked ▤ stands for many. An arrow: made after the other had ended, or the next stage of a pipeline. Click a box for its nodes.'),
    h('div', { id: 'diagram', class: 'scroll' }),
    missed.length ? h('p', { class: 'muted' }, `No call in: ${missed.map(oneLine).join(', ')}.`) : '');
  try {
    await loadMermaid();
    await drawDiagram();
  } catch (error) {
    byId('diagram').replaceChildren(h('p', { class: 'banner bad' }, `The graph could not be drawn: ${error.message}`));
  }
}
