// Nodes gathered into few boxes, and the order among these: what the graph draws.
const GROUPED_ABOVE = 8; // a phase with more nodes than this is drawn as groups
const GROUPS_A_PHASE = 6;
const BOXES_MAX = 40;

// "p1[3]/s0" and "p1[4]/s0" are the same place of the script.
const placeOf = (node) => node.scope.replace(/\[\d+\]/g, '[*]');
// "p1[3]": the pipeline's item that the node works on.
const slotOf = (node) => node.scope.replace(/\/s\d+$/, '');
const stemOf = (label) => oneLine(label).replace(/\S*[\d/\\.]\S*/g, '#').replace(/(# ?)+/g, '# ').trim();
const firstWord = (label) => oneLine(label).split(' ', 1)[0];

function gather(list, keyOf) {
  const groups = new Map();
  for (const node of list) {
    const key = keyOf(node);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(node);
  }
  return [...groups.values()];
}

// The finest of these ways that gives few enough groups.
function splitPhase(list, groupsMax) {
  if (list.length <= Math.min(GROUPED_ABOVE, groupsMax)) return list.map((node) => [node]);
  const ways = [
    (node) => JSON.stringify([placeOf(node), stemOf(node.label), madeBy(node)]),
    (node) => JSON.stringify([placeOf(node), firstWord(node.label), madeBy(node)]),
    (node) => JSON.stringify([placeOf(node), madeBy(node)]),
    (node) => placeOf(node),
    (node) => madeBy(node),
  ];
  for (const way of ways) {
    const groups = gather(list, way);
    if (groups.length <= groupsMax) return groups;
  }
  return [list];
}

function commonStart(labels) {
  let start = labels[0];
  for (const label of labels) {
    while (!label.startsWith(start)) start = start.slice(0, -1);
  }
  return start;
}

function nameOf(list) {
  const labels = list.map((node) => oneLine(node.label));
  if (list.length === 1) return `n${list[0].n} ${labels[0]}`;
  if (labels.every((label) => label === labels[0])) return labels[0] || 'calls';
  // Back to the last whole word.
  const start = commonStart(labels).replace(/[^\s:,;(\[{"'-]*$/, '').trim();
  return start.length > 2 ? `${start} …` : stemOf(labels[0]).replace(/#/g, '…') || 'calls';
}

function describe(list, phase) {
  const states = {};
  for (const node of list) states[node.state] = (states[node.state] ?? 0) + 1;
  let busy = -Infinity;
  const inSequence = list.length > 1 && list.every((node) => {
    const waited = node.called >= busy;
    busy = endOf(node);
    return waited;
  });
  return {
    list, phase, states, inSequence,
    name: nameOf(list),
    place: gather(list, placeOf).length === 1 ? placeOf(list[0]) : '',
    slots: new Set(list.map((node) => slotOf(node))),
    firstCall: list[0].n,
    lastCall: list[list.length - 1].n,
    calledAt: Math.min(...list.map((node) => node.called)),
    endedAt: Math.max(...list.map((node) => node.ended || Infinity)),
  };
}

function groupNodes() {
  const phases = gather([...nodes].sort((a, b) => a.n - b.n), (node) => node.phase);
  const drawn = phases.length <= BOXES_MAX ? phases : [...phases.slice(0, BOXES_MAX - 1), phases.slice(BOXES_MAX - 1).flat()];
  const each = Math.max(1, Math.min(GROUPED_ABOVE, Math.floor(BOXES_MAX / drawn.length)));
  return drawn.map((list, i) => {
    const merged = i === BOXES_MAX - 1 && phases.length > BOXES_MAX;
    const phase = merged ? `${phases.length - BOXES_MAX + 1} more phases` : list[0].phase;
    return {
      title: phase,
      groups: splitPhase(list, merged ? 1 : Math.min(each, list.length > GROUPED_ABOVE ? GROUPS_A_PHASE : GROUPED_ABOVE))
        .map((group) => describe(group, phase)),
    };
  });
}

// a before b: b is the next stage of a's pipeline, or all of a had ended when b's first call was made.
function precedes(a, b) {
  const stage = /^(.*\/?p\d+\[\*\])\/s(\d+)$/;
  const [inA, inB] = [stage.exec(a.place), stage.exec(b.place)];
  if (inA && inB && inA[1] === inB[1]) {
    return Number(inB[2]) === Number(inA[2]) + 1 && [...a.slots].some((slot) => b.slots.has(slot));
  }
  return a.lastCall < b.firstCall && a.endedAt <= b.calledAt;
}

// The pairs [from, to] by index, without those that follow from others.
function orderOf(groups) {
  const before = groups.map((a) => groups.map((b) => a !== b && precedes(a, b)));
  const edges = [];
  for (let a = 0; a < groups.length; a += 1) {
    for (let b = 0; b < groups.length; b += 1) {
      if (before[a][b] && !groups.some((_, c) => before[a][c] && before[c][b])) edges.push([a, b]);
    }
  }
  return edges;
}

function longestChain(size, edges) {
  const depth = new Array(size).fill(1);
  for (let round = 0; round < size; round += 1) {
    for (const [a, b] of edges) depth[b] = Math.min(size, Math.max(depth[b], depth[a] + 1));
  }
  return Math.max(0, ...depth);
}
