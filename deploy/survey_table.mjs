// Prints the result of examples/survey.js (JSON on stdin) as a table for people.
import { readFileSync } from 'node:fs';

const FILE_WIDTH = 48;
const SUMMARY_WIDTH = 60;

const result = JSON.parse(readFileSync(0, 'utf8'));
// What comes from files may hold control characters; a terminal must not see them.
const plain = (text) => String(text ?? '-').replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
const clip = (text, width) => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);
const tail = (text, width) => (text.length <= width ? text : `…${text.slice(text.length - width + 1)}`);

const cells = result.rows.map((row) => [
  tail(plain(row.file), FILE_WIDTH),
  plain(row.lines),
  plain(row.commits),
  plain(row.markers),
  clip(plain(row.summary), SUMMARY_WIDTH),
]);
const head = ['file', 'lines', 'commits', 'markers', 'summary'];
const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i].length)));
const line = (row) =>
  row.map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ').trimEnd();

console.log(line(head));
console.log(widths.map((width) => '-'.repeat(width)).join('  '));
for (const row of cells) console.log(line(row));
console.log(
  `\n${result.surveyed}; ${result.commits} commits; ${result.totals.lines} lines and ${result.totals.markers} markers in them`,
);
for (const [what, files] of [['not surveyed', result.failed], ['measured in part', result.incomplete]]) {
  if (files.length > 0) console.log(`${what}: ${files.map(plain).join(', ')}`);
}
