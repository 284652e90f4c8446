// Shows: the original odw's form: an exported entry, failures as values, an exit code by `ok`.
//   build/bin/odw exec --script examples/odw_dialect.js --input '{"files": ["a.txt"]}' --backend mock
export const meta = {
  name: 'odw-dialect',
  description: 'Reviews files; a node that fails is a value with ok: false, not null',
};

const NOTE = {
  type: 'object',
  required: ['note'],
  properties: { note: { type: 'string' } },
};

// Truthy also when it failed: .filter(Boolean) would keep it.
const failed = (value) => value === null || value?.ok === false;

export default async function review(input) {
  const files = input?.files ?? ['README.md', 'docs/README.md'];
  phase('Review', `${files.length} files`);
  const notes = await parallel(
    files.map((file) => ({ prompt: `Review ${file}.`, label: file, schema: NOTE, maxAttempts: 3 })),
    { max: 4, phase: 'Review', label: 'review' },
  );
  const bad = files.filter((_, i) => failed(notes[i]));
  checkpoint('reviewed', { files: files.length, failed: bad.length });
  return {
    ok: bad.length === 0, // false: odwctl exits with 3
    notes: files.map((file, i) => ({ file, note: failed(notes[i]) ? notes[i]?.error?.category : notes[i].note })),
  };
}
