// The original's headline workflow: twelve nodes read a file each, one node puts their findings together.
export const meta = {
  name: 'fan_out', description: 'Twelve readers and a synthesis',
  dialect: 'builtin',
  phases: [{ title: 'Read' }, { title: 'Synthesis' }],
};
const { files, reader, writer } = args;
phase('Read');
const findings = await parallel(files.map((file, i) => () => agent(
  `Review the file ${file.path}: name what it decides and what is doubtful, quoting the lines. ` +
  `[[tool:Read:{"file_path":"${file.path}"}]] [[tool:read:{"path":"${file.path}"}]] [[result]]`,
  { ...reader, label: `read ${i + 1}`, phase: 'Read', permission: 'read-only' })));
phase('Synthesis');
const report = await agent(
  `Put these reviews together, most important first:\n${findings.join('\n---\n')}\n[[say:${files.length} reviews]]`,
  { ...writer, label: 'synthesis', phase: 'Synthesis', permission: 'read-only' });
return { findings, report };
