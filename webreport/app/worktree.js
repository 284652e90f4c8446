// What nodes changed in their worktrees: a diff with its lines coloured, and the list of all of them.
const DIFF_LINES_MAX = 3000;
const FILES_SHOWN = 30;
const CHANGES_SHOWN = 200;

function lineClass(line) {
  if (line.startsWith('diff ')) return 'd-head d-file';
  if (/^(index |--- |\+\+\+ |new file|deleted file|old mode|new mode|similarity|rename )/.test(line)) return 'd-head';
  if (/^@{2} /.test(line)) return 'd-place'; // two of them in a row would be build_page's mark
  if (line.startsWith('+')) return 'd-add';
  if (line.startsWith('-')) return 'd-del';
  return '';
}

function diffBlock(node) {
  const tree = node.worktree;
  if (tree.diff.unreadable !== undefined) return valueBlock('Diff', tree.diff);
  const lines = tree.diff.text.split('\n');
  if (lines[lines.length - 1] === '') lines.pop();
  const shown = lines.slice(0, DIFF_LINES_MAX);
  const whole = !tree.diff.cut && !tree.diff_cut && shown.length === lines.length;
  return h('div', { class: 'value' },
    h('h4', {}, 'Diff', h('span', { class: whole ? 'muted' : 'cut' }, bytes(tree.diff.size))),
    h('pre', { class: 'diff' }, shown.map((line) => h('span', { class: lineClass(line) }, visible(line) || ' '))),
    whole ? '' : h('p', { class: 'cut' }, `Cut here. All of it: odwctl diff ${oneLine(run.id)} n${node.n}`));
}

function worktreeBlock(node) {
  const tree = node.worktree;
  const files = tree.files.slice(0, FILES_SHOWN).map(oneLine).join(', ');
  const more = tree.files_changed - Math.min(tree.files.length, FILES_SHOWN);
  return h('div', { class: 'value' },
    h('h4', {}, 'Worktree', h('span', { class: 'muted' }, tree.changed ? `${plural(tree.files_changed, 'file')} changed` : 'no change')),
    tree.changed ? h('p', { class: 'muted' }, h('code', {}, oneLine(tree.ref)), ` · base ${oneLine(tree.base).slice(0, 12)} · ${files}${more > 0 ? ` and ${more} more` : ''}`) : '',
    tree.kept ? h('p', { class: 'cut' }, `Its folder was kept: ${oneLine(tree.kept)}`) : '',
    tree.notes.length ? h('ul', { class: 'muted' }, tree.notes.map((note) => h('li', {}, oneLine(note)))) : '',
    tree.diff && tree.changed ? diffBlock(node) : '');
}

const leftSomething = (node) => Boolean(node.worktree && (node.worktree.changed || node.worktree.kept));

// What apply and merge do not take by themselves.
function changeNote(node) {
  if (node.worktree.kept) return 'not all of it could be captured: its folder was kept';
  return node.state === 'done' ? '' : `${words(node.state)}: taken only by its name, n${node.n}`;
}

// Nodes with changes, to be opened in the table.
function drawChanges() {
  const changed = nodes.filter(leftSomething);
  if (changed.length === 0) return;
  byId('changes').hidden = false;
  panel('changes', 'Changes',
    h('p', { class: 'muted' }, 'What nodes changed in worktrees of their own. Bring it home: ', h('code', {}, `odwctl apply ${oneLine(run.id)}`), ', or ', h('code', {}, `odwctl merge ${oneLine(run.id)}`), '.'),
    h('ul', { class: 'changed' }, changed.slice(0, CHANGES_SHOWN).map((node) => h('li', {},
      h('button', { type: 'button', class: 'expand', onclick: () => showNodes({ open: node.n }) }, `n${node.n}`),
      ` ${clip(oneLine(node.label), 100)}: ${plural(node.worktree.files_changed, 'file')}`,
      changeNote(node) ? h('span', { class: 'cut from' }, changeNote(node)) : ''))),
    changed.length > CHANGES_SHOWN ? h('p', { class: 'cut' }, `and ${changed.length - CHANGES_SHOWN} more: search the nodes for a file's name`) : '');
}
