// The timeline: a lane for each node at work at the same time, phases above.
const AXIS = 22;
const PHASE_ROW = 18;
const PHASE_ROWS_MAX = 30;
const LANES_HEIGHT_MAX = 420;

// Each node in the first lane that is free when it starts.
function packLanes(list) {
  const freeAt = [];
  return list.map((node) => {
    let lane = freeAt.findIndex((time) => time <= node.started);
    if (lane < 0) lane = freeAt.length;
    freeAt[lane] = Math.max(endOf(node), node.started + 1);
    return lane;
  });
}

function ticks(span) {
  const rough = span / 8;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough) ?? power * 10;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
}

function phaseRows(ran) {
  const rows = new Map();
  for (const node of ran) {
    if (!node.phase) continue;
    const row = rows.get(node.phase) ?? { from: Infinity, to: 0 };
    row.from = Math.min(row.from, node.started);
    row.to = Math.max(row.to, endOf(node));
    rows.set(node.phase, row);
  }
  return [...rows].slice(0, PHASE_ROWS_MAX);
}

function drawBars(picture, ran, x, top, height) {
  const lanes = packLanes(ran);
  const drawnTo = new Map(); // a lane's last pixel: what would only be painted over is left out
  ran.forEach((node, i) => {
    const from = x(node.started);
    const width = Math.max(2, x(endOf(node)) - from - (height > 5 ? 0.5 : 0));
    const key = `${lanes[i]} ${node.state}`;
    if (from + width < (drawnTo.get(key) ?? -1) + 0.7) return;
    drawnTo.set(key, from + width);
    picture.append(svg('rect', {
      class: `fill-${node.state} link`, x: from.toFixed(1), y: top + lanes[i] * height, width: width.toFixed(1),
      height: Math.max(1, height - (height > 4 ? 2 : 0)), rx: height > 8 ? 2 : 0,
      onclick: () => showNodes({ open: node.n }),
    }, svg('title', {}, `n${node.n} ${clip(oneLine(node.label), 120)}\n${words(node.state)}, ${millis(tookMs(node))}, ${madeBy(node)}`)));
  });
  return Math.max(1, ...lanes.map((lane) => lane + 1));
}

function drawTimelineIn(box, ran) {
  const width = Math.max(320, box.clientWidth);
  const start = run.submitted || Math.min(...ran.map((node) => node.called));
  const span = Math.max(1, endOfTime - start, ...ran.map((node) => endOf(node) - start));
  const x = (time) => 2 + ((time - start) / span) * (width - 4);
  const phases = phaseRows(ran);
  const lanes = Math.max(1, ...packLanes(ran).map((lane) => lane + 1));
  const laneHeight = Math.min(16, Math.max(2, Math.floor(LANES_HEIGHT_MAX / lanes)));
  const top = AXIS + phases.length * PHASE_ROW + (phases.length ? 8 : 0);
  const height = top + lanes * laneHeight + 4;
  const picture = svg('svg', { width, height, role: 'img', 'aria-label': 'Timeline' });
  for (const at of ticks(span)) {
    const left = x(start + at);
    picture.append(svg('line', { class: 'tick', x1: left, x2: left, y1: AXIS - 4, y2: height }),
      svg('text', { class: 'axis', x: left + 3, y: 13 }, millis(at)));
  }
  phases.forEach(([title, row], i) => {
    const y = AXIS + i * PHASE_ROW;
    const left = x(row.from);
    const wide = Math.max(3, x(row.to) - left);
    const late = left > width * 0.7;
    picture.append(svg('rect', { class: 'phase', x: left, y, width: wide, height: PHASE_ROW - 4, rx: 3 }),
      svg('text', { class: 'axis strong', x: late ? left + wide - 4 : left + 4, y: y + 11, 'text-anchor': late ? 'end' : 'start' },
        `${clip(oneLine(title), 50)} · ${millis(row.to - row.from)}`));
  });
  drawBars(picture, ran, x, top, laneHeight);
  box.replaceChildren(picture);
}

function drawTimeline() {
  const ran = nodes.filter(wasRun).sort((a, b) => a.started - b.started || a.n - b.n);
  if (ran.length === 0) return panel('timeline', 'Timeline', h('p', { class: 'muted' }, 'No node has started.'));
  const box = h('div', { id: 'lanes', class: 'scroll' });
  const present = STATES.filter((state) => ran.some((node) => node.state === state));
  panel('timeline', 'Timeline', h('p', { class: 'legend' }, present.map((state) =>
    h('span', {}, h('i', { class: `fill-${state}` }), words(state)))), box);
  drawTimelineIn(box, ran);
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    drawTimelineIn(box, ran);
  }).observe(box);
}
