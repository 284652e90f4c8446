// build_page.mjs SOURCE_FOLDER MERMAID OUTPUT: puts page.html, style.css, app/*.js and Mermaid
// (gzipped, in base64: it is by far the largest part) into one file. The report's data goes where
// @@ODW_DATA@@ stands. Scripts are allowed by their hash alone, so that no other can ever run.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const APP_PARTS = ['boot', 'format', 'dom', 'summary', 'groups', 'graph', 'timeline', 'worktree', 'nodes', 'main'];

const [folder, mermaidPath, output] = process.argv.slice(2);
if (!output) {
  console.error('usage: build_page.mjs SOURCE_FOLDER MERMAID OUTPUT');
  process.exit(2);
}

const read = (name) => readFileSync(join(folder, name), 'utf8');
const hashOf = (script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`;

const app = `(() => {\n'use strict';\n${APP_PARTS.map((part) => read(`app/${part}.js`)).join('\n')}\n})();`;
const style = read('style.css');
const mermaid = readFileSync(mermaidPath);
for (const [name, text] of [['app', app], ['style', style]]) {
  if (/<\/|<!--|@@/.test(text)) throw new Error(`the ${name} holds a sequence that would end its element`);
}

const policy = [
  "default-src 'none'",
  `script-src ${hashOf(app)} ${hashOf(mermaid)}`,
  "style-src 'unsafe-inline'", // Mermaid's drawings carry their own
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const parts = {
  POLICY: policy,
  STYLE: style,
  MERMAID: gzipSync(mermaid, { level: 9 }).toString('base64'),
  APP: app,
};
const page = read('page.html').replace(/@@([A-Z]+)@@/g, (whole, name) => parts[name] ?? whole);
if (page.split('@@ODW_DATA@@').length !== 2) throw new Error('page.html must hold @@ODW_DATA@@ once');
writeFileSync(output, page);
