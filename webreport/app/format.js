// Numbers and strangers' text for people.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

// Characters that are invisible or reorder others are shown by name, so that text is what it seems.
function visible(text) {
  return text.replace(CONTROL, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
  });
}

const oneLine = (text) => visible(text.replace(/\s+/g, ' ').trim());

function clip(text, length) {
  const chars = Array.from(text);
  return chars.length <= length ? text : chars.slice(0, length - 1).join('') + '…';
}

function count(n) {
  if (n < 1000) return String(n);
  if (n < 999950) return `${(n / 1e3).toFixed(1)}k`;
  return `${(n / 1e6).toFixed(1)}M`;
}

function millis(ms) {
  ms = Math.max(0, ms);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const s = Math.floor(ms / 1000);
  const two = (n) => String(n).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m`;
}

function bytes(n) {
  if (n < 1024) return `${n} bytes`;
  if (n < 1048576) return `${(n / 1024).toFixed(1)} KiB`;
  return `${(n / 1048576).toFixed(1)} MiB`;
}

const moment = (ms) => (ms ? new Date(ms).toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC') : '–');
const words = (name) => name.replace(/_/g, ' ');
const tokens = (usage) => usage.input + usage.output + usage.cached;
const plural = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;

const money = (micros, currency) => `${(micros / 1e6).toFixed(4)} ${oneLine(currency)}`;
// What was paid, a part for each currency: they are never added up.
const cost = (usage) => Object.entries(usage.costs).map(([currency, micros]) => money(micros, currency)).join(' + ');

const wasRun = (node) => node.started > 0;
const endOf = (node) => node.ended || endOfTime;
const tookMs = (node) => (wasRun(node) ? Math.max(0, endOf(node) - node.started) : 0);
const madeBy = (node) => oneLine(node.model || (node.command ? `${node.runtime} ${node.command}` : node.runtime));
