#!/usr/bin/env node
/*
 * A loopback proxy between the runtimes and the scripted model server, which counts the tokens that go over the wire,
 * with one tokenizer for all (o200k). One line of JSON on stdout when it listens; GET /__meter gives the counts:
 *   [{api, requests, fixed, task, cached, output}]
 * fixed: the system prompt and the tools' definitions. task: the messages. cached: of both, what repeats the start of
 * an earlier request of the same api, so that a provider's prompt cache could serve it. output: text and tool calls.
 *
 *   meter.mjs MODEL_SERVER_URL TOKENIZER_FOLDER
 */
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [upstream, folder] = process.argv.slice(2);
const entry = path.join(folder, 'node_modules/gpt-tokenizer/esm/encoding/o200k_base.js');
const { encode } = await import(pathToFileURL(entry));
const CACHE_TOKENS_MIN = 1024;  // providers cache no shorter prefix
const count = (text) => (text ? encode(text, { disallowedSpecial: new Set() }).length : 0);

const counts = new Map();
const seen = new Map();  // api -> the requests' texts so far

const rowOf = (api) => {
  if (!counts.has(api)) counts.set(api, { api, requests: 0, fixed: 0, task: 0, cached: 0, output: 0 });
  return counts.get(api);
};

const textOf = (content) =>
  content == null ? '' : typeof content === 'string' ? content
    : Array.isArray(content) ? content.map(textOf).join('\n')
      : content.text ?? content.content ?? JSON.stringify(content);

const messageText = (message) =>
  [message.role, textOf(message.content), message.reasoning_content ?? '',
    message.tool_calls ? JSON.stringify(message.tool_calls) : ''].join('\n');

// What a request says, as [fixed, task].
const partsOf = (body) => {
  const system = (body.messages ?? []).filter((m) => m.role === 'system').map(messageText);
  const rest = (body.messages ?? []).filter((m) => m.role !== 'system').map(messageText);
  return [[textOf(body.system), ...system, JSON.stringify(body.tools ?? [])].join('\n'), rest.join('\n')];
};

const commonLength = (a, b) => {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a.charCodeAt(i) === b.charCodeAt(i)) i += 1;
  return i;
};

const countRequest = (api, body) => {
  const row = rowOf(api);
  const [fixed, task] = partsOf(body);
  row.requests += 1;
  row.fixed += count(fixed);
  row.task += count(task);
  const whole = `${fixed}\n${task}`;
  const earlier = seen.get(api) ?? [];
  const longest = Math.max(0, ...earlier.map((text) => commonLength(text, whole)));
  const cached = count(whole.slice(0, longest));
  if (cached >= CACHE_TOKENS_MIN) row.cached += cached;
  seen.set(api, [...earlier, whole]);
};

// The model's words of one event of either wire format.
const outputOf = (event) => {
  const delta = event.delta ?? {};
  const choice = event.choices?.[0] ?? {};
  const said = choice.delta ?? choice.message ?? {};
  const calls = (said.tool_calls ?? []).map((c) => (c.function?.name ?? '') + (c.function?.arguments ?? ''));
  const block = event.content_block?.type === 'tool_use' ? event.content_block.name : '';
  const whole = Array.isArray(event.content) ? event.content.map((c) => c.text ?? JSON.stringify(c.input ?? '')).join('') : '';
  return [delta.text, delta.partial_json, delta.thinking, said.content, said.reasoning_content, ...calls, block, whole]
    .filter(Boolean).join('');
};

const countResponse = (api, text) => {
  const events = text.includes('data:')
    ? text.split('\n').filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trim())
    : [text];
  let said = '';
  for (const event of events) {
    try { said += outputOf(JSON.parse(event)); } catch { /* "[DONE]" */ }
  }
  rowOf(api).output += count(said);
};

const apiOf = (url) => (url.includes('/messages') ? 'anthropic' : 'chat');
const isModelCall = (req) => req.method === 'POST' && /\/(messages|chat\/completions)(\?|$)/.test(req.url);

const readAll = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const server = http.createServer(async (req, res) => {
  if (req.url === '/__meter') return res.end(JSON.stringify([...counts.values()]));
  const body = await readAll(req);
  const target = new URL(req.url, upstream);
  const headers = { ...req.headers, host: target.host, 'accept-encoding': 'identity' };
  const onward = http.request(target, { method: req.method, headers }, async (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    const chunks = [];
    for await (const chunk of answer) { chunks.push(chunk); res.write(chunk); }
    if (isModelCall(req) && answer.statusCode === 200) {
      countRequest(apiOf(req.url), JSON.parse(body));
      countResponse(apiOf(req.url), Buffer.concat(chunks).toString());
    }
    res.end();
  });
  onward.on('error', (error) => { res.writeHead(502); res.end(String(error)); });
  onward.end(body);
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
