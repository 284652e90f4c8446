// Puts the page together, and changes between light and dark.
function drawLog() {
  panel('log', 'Log', data.log.length
    ? h('ol', { class: 'log' }, data.log.map((line) => h('li', { dir: 'auto' }, visible(line))))
    : h('p', { class: 'muted' }, 'The script wrote no log line.'));
}

function drawFrame() {
  byId('contents').append(...['graph', 'timeline', ...(nodes.some(leftSomething) ? ['changes'] : []), 'nodes', 'log'].map((id) =>
    h('a', { href: `#${id}` }, id[0].toUpperCase() + id.slice(1))));
  byId('footer').append(h('p', { class: 'muted' },
    `Report of odw run ${oneLine(run.id)}, made ${moment(data.made_unix_ms)}. One file; it loads nothing from anywhere.`));
}

function followTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const redraw = () => { if (globalThis.mermaid && graph.text) drawDiagram(); };
  system.addEventListener('change', redraw);
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : system.matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    redraw();
  });
}

drawHeader();
drawFrame();
drawSummary();
drawTimeline();
drawChanges();
drawNodes();
drawLog();
followTheme();
// Last: the graph library takes longest, and the rest can be read meanwhile.
drawGraph().then(() => { document.documentElement.dataset.ready = 'yes'; });
