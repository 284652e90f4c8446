#!/usr/bin/env node
/*
 * fake-model-server.mjs: a scripted stand-in for hosted LLM APIs, for tests.
 *
 * One process, plain Node (>= 18), no dependencies, loopback only. It never
 * thinks: every answer follows from the request and the directives in the
 * prompt, so a test that drives a REAL agent CLI (claude, codex, qwen, gemini,
 * opencode) or an OpenAI-compatible HTTP client knows what must come back.
 *
 * RUN
 *   node fake-model-server.mjs [--port N] [--host 127.0.0.1|::1]
 *        [--port-file F] [--log F.jsonl] [--key K] [--ttl SECONDS] [--quiet]
 *   --port 0 (default) takes a free port. The first line on stdout is JSON:
 *     {"ready":true,"url":"http://127.0.0.1:PORT","port":PORT,"pid":PID}
 *   --port-file is written (atomically) once listening. --log appends one JSON
 *   line per request. --key demands that key (Bearer, x-api-key or api-key),
 *   else 401. --ttl ends the process after that long, so no test can leak it.
 *   SIGINT/SIGTERM end it at once.
 *
 * APIs (found by the END of the path, so any base URL prefix works)
 *   POST …/messages                 Anthropic Messages, JSON or SSE
 *   POST …/messages/count_tokens
 *   POST …/responses                OpenAI Responses, JSON or SSE (codex)
 *   POST …/chat/completions         OpenAI Chat Completions, JSON or SSE
 *   POST …/models/M:generateContent, :streamGenerateContent, :countTokens (Gemini)
 *   GET  …/models
 *   A path that STARTS with a provider name (/deepseek/…, /kimi/…, /qwen/…,
 *   /zhipu/…, /minimax/…, /stepfun/…, /xiaomi/…) makes chat completions answer
 *   in that provider's dialect: its usage fields, its reasoning field, its error
 *   bodies, and for DeepSeek and Kimi the 400 for an assistant message that
 *   carries tool calls but not its reasoning_content while thinking is on.
 *
 * CONTROL
 *   GET  /__fake/health             {"ok":true,"requests":N,"open":N}
 *   GET  /__fake/requests?last=N    what came in (bodies in full, keys masked)
 *   POST /__fake/reset              forget the requests and the failure counts
 *
 * DIRECTIVES, written in the prompt as [[name]] or [[name:argument]]. Only the
 * LAST user prompt counts (so resumed sessions can carry old ones). In ARG text,
 * \n is a newline, \t a tab, and \] a closing bracket (in JSON only the last).
 *   Tool calls, one per model turn, in order of appearance; each is skipped
 *   when the request offers no tool that can do it:
 *     [[write:NAME:CONTENT]]   write a file (a write tool, or else a shell tool)
 *     [[run:COMMAND]]          run a shell command
 *     [[tool:NAME:JSON]]       call this tool with these arguments (codex's freeform
 *                              tools, such as apply_patch, take text, not JSON)
 *     [[loop:COMMAND]]         run it again on every turn, for ever
 *     [[badargs:NAME]]         call this tool with arguments that are not JSON
 *     [[parallel]]             all of them in the first turn
 *   The final answer (default: "echo: " + the prompt without directives, or a
 *   minimal instance of the request's JSON schema if it carries one):
 *     [[say:TEXT]]             exactly TEXT
 *     [[json:JSON]]            exactly JSON (also the structured output)
 *     [[result]]               the text of the last tool result
 *     [[big:KIB]]              that many KiB of text
 *     [[offschema]]            JSON that does not fit the schema, every time
 *     [[offschema:N]]          the same, but only the first N times
 *     [[empty]]                no text at all
 *     [[think:TEXT]]           reasoning, before the answer
 *     [[cut]]                  the answer, marked as cut at the token limit ([[cut:N]])
 *     [[refuse]]               a refusal / content-filter finish ([[refuse:N]])
 *     [[usage:in=9,out=8,cache=7,write=6,think=5]]   these token counts
 *   Failures:
 *     [[status:CODE]]          that HTTP status with the API's own error body
 *     [[status:CODE:N]]        the same, but only the first N times
 *     [[retry-after:SECONDS]]  adds the header to those
 *     [[quota]]                429 with an "insufficient quota" body
 *     [[context]]              400 "context length exceeded"
 *     [[midfail]]              an error event in mid-stream (first N: [[midfail:N]])
 *     [[truncate]]             the stream ends early, cleanly ([[truncate:N]])
 *     [[drop]]                 the socket is destroyed ([[drop:N]])
 *     [[garbage]]              a body that is not JSON / SSE with broken JSON
 *     [[slow:MS]]              waits before the first byte
 *     [[trickle:MS]]           waits before each event of a stream
 *     [[hang]]                 never answers
 *     [[stall]]                starts the stream, then never goes on
 *   "First N times" is counted per directive and prompt; put something unique
 *   in the prompt, or POST /__fake/reset.
 *
 * TOKENS are counted as ceil(characters / 4); nothing is cached unless asked.
 */
import http from 'node:http';
import zlib from 'node:zlib';
import fs from 'node:fs';
import path from 'node:path';
import crypto from 'node:crypto';
import { parseArgs } from 'node:util';

const { values: opt } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    'port-file': { type: 'string' },
    log: { type: 'string' },
    key: { type: 'string' },
    ttl: { type: 'string' },
    quiet: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (opt.help) {
  const source = fs.readFileSync(new URL(import.meta.url), 'utf8');
  console.log(source.slice(source.indexOf('/*') + 2, source.indexOf('*/')).replace(/^ \* ?/gm, ''));
  process.exit(0);
}
if (!/^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(opt.host)) {
  console.error(`refusing to listen on ${opt.host}: loopback only`);
  process.exit(2);
}

const PROVIDERS = ['deepseek', 'kimi', 'qwen', 'zhipu', 'minimax', 'stepfun', 'xiaomi'];
const KEEP_REQUESTS = 500;
const state = { serial: 0, requests: [], failures: new Map() };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const tokens = (text) => Math.ceil(String(text ?? '').length / 4);
const newId = (prefix) => `${prefix}_fake${String(++state.serial).padStart(6, '0')}`;
const nowSeconds = () => Math.floor(Date.now() / 1000);

// ---------------------------------------------------------------- reading --
// Each API's request becomes one Conversation:
//   { api, model, stream, context, prompt, toolCalls, lastResult, tools, schema, chars }
// context: everything said by the system and the user, without directives;
// tools: [{ name, schema, freeform }]; toolCalls: names called since the prompt.

const textOf = (content) => {
  if (content == null) return '';
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map(textOf).filter(Boolean).join('\n');
  if (typeof content.text === 'string') return content.text;
  if (content.content !== undefined) return textOf(content.content);
  if (content.parts !== undefined) return textOf(content.parts);
  if (content.output !== undefined) return textOf(content.output);
  return '';
};

// What agent CLIs wrap around the user's words, and turns they gave up; directives are not read there.
const stripInjected = (text) =>
  text.replace(/^[\s\S]*\[Request interrupted by user[^\]]*\]/, '').replace(/<(system-reminder|environment_context|user_instructions|permissions instructions|session_context|INSTRUCTIONS)>[\s\S]*?<\/\1>/g, '').trim();

// What agent CLIs say in the user's place when an answer does not suit them; not a new prompt.
const NUDGE = /^(\[structured-output-enforce\]|That answer does not fit the JSON Schema|Output token limit hit|Your response above was stopped|Please continue\.?$)/i;

// turns: [{ role: 'system'|'user'|'assistant'|'result', text, calls: [name] }]
function fold(base, turns) {
  let at = -1;
  turns.forEach((turn, i) => {
    const words = turn.role === 'user' ? stripInjected(turn.text) : '';
    if (words && !NUDGE.test(words)) at = i;
  });
  const after = turns.slice(at + 1);
  const results = after.filter((turn) => turn.role === 'result');
  return {
    ...base,
    context: turns.filter((turn) => turn.role === 'system' || turn.role === 'user').map((turn) => dropDirectives(turn.text)).join('\n'),
    prompt: at < 0 ? '' : stripInjected(turns[at].text),
    toolCalls: after.flatMap((turn) => turn.calls ?? []),
    lastResult: results.length ? results[results.length - 1].text : '',
  };
}

function readAnthropic(body) {
  const turns = [{ role: 'system', text: textOf(body.system) }];
  for (const message of body.messages ?? []) {
    const blocks = Array.isArray(message.content) ? message.content : [{ type: 'text', text: textOf(message.content) }];
    if (message.role === 'assistant') {
      turns.push({ role: 'assistant', text: textOf(blocks.filter((b) => b.type === 'text')), calls: blocks.filter((b) => b.type === 'tool_use').map((b) => b.name) });
    } else if (blocks.some((b) => b.type === 'tool_result')) {
      turns.push({ role: 'result', text: textOf(blocks.filter((b) => b.type === 'tool_result')) });
    } else {
      turns.push({ role: message.role === 'user' ? 'user' : 'system', text: textOf(blocks.filter((b) => b.type === 'text')) });
    }
  }
  return fold({
    api: 'anthropic',
    model: body.model,
    stream: body.stream === true,
    tools: (body.tools ?? []).filter((t) => t.input_schema).map((t) => ({ name: t.name, schema: t.input_schema })),
    schema: body.output_config?.format?.schema ?? body.output_format?.schema,
  }, turns);
}

function readResponses(body) {
  const turns = [{ role: 'system', text: textOf(body.instructions) }];
  const input = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : body.input ?? [];
  for (const item of input) {
    if (/_call_output$/.test(item.type ?? '')) turns.push({ role: 'result', text: textOf(item.output) });
    else if (/_call$/.test(item.type ?? '')) turns.push({ role: 'assistant', text: '', calls: [item.name ?? item.type] });
    else if (item.role === 'user') turns.push({ role: 'user', text: textOf(item.content) });
    else if (item.role === 'assistant') turns.push({ role: 'assistant', text: textOf(item.content) });
    else if (item.role) turns.push({ role: 'system', text: textOf(item.content) });
  }
  return fold({
    api: 'responses',
    model: body.model,
    stream: body.stream === true,
    tools: (body.tools ?? []).filter((t) => t.name).map((t) => ({ name: t.name, schema: t.parameters, freeform: t.type === 'custom' })),
    schema: body.text?.format?.type === 'json_schema' ? body.text.format.schema : undefined,
  }, turns);
}

function readChat(body) {
  const turns = [];
  for (const message of body.messages ?? []) {
    if (message.role === 'tool' || message.role === 'function') turns.push({ role: 'result', text: textOf(message.content) });
    else if (message.role === 'assistant') turns.push({ role: 'assistant', text: textOf(message.content), calls: (message.tool_calls ?? []).map((c) => c.function?.name) });
    else turns.push({ role: message.role === 'user' ? 'user' : 'system', text: textOf(message.content) });
  }
  const format = body.response_format ?? {};
  return fold({
    api: 'chat',
    model: body.model,
    stream: body.stream === true,
    streamUsage: body.stream_options?.include_usage === true,
    tools: (body.tools ?? []).filter((t) => t.function).map((t) => ({ name: t.function.name, schema: t.function.parameters })),
    schema: format.json_schema?.schema ?? (format.type === 'json_object' ? { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] } : undefined),
  }, turns);
}

function readGemini(body, url) {
  const turns = [{ role: 'system', text: textOf(body.systemInstruction) }];
  for (const content of body.contents ?? []) {
    const parts = content.parts ?? [];
    const calls = parts.filter((p) => p.functionCall).map((p) => p.functionCall.name);
    const results = parts.filter((p) => p.functionResponse);
    if (content.role === 'model') turns.push({ role: 'assistant', text: textOf(parts), calls });
    else if (results.length) turns.push({ role: 'result', text: results.map((p) => JSON.stringify(p.functionResponse.response)).join('\n') });
    else turns.push({ role: 'user', text: textOf(parts) });
  }
  return fold({
    api: 'gemini',
    model: (url.pathname.match(/models\/([^:/]+):/) ?? [])[1] ?? body.model,
    stream: /:streamGenerateContent$/.test(url.pathname),
    tools: (body.tools ?? []).flatMap((t) => t.functionDeclarations ?? []).map((t) => ({ name: t.name, schema: t.parametersJsonSchema ?? t.parameters })),
    schema: body.generationConfig?.responseJsonSchema ?? body.generationConfig?.responseSchema,
  }, turns);
}

// ------------------------------------------------------------- directives --
const DIRECTIVE = /\[\[([a-z-]+)(?::((?:\\[\s\S]|[^\\])*?))?\]\](?!\])/g; // ends at the first "]]" with no third "]"
const dropDirectives = (text) => text.replace(DIRECTIVE, '');
const unescape = (text) => text.replace(/\\(n|t|\]|\\)/g, (_, c) => ({ n: '\n', t: '\t', ']': ']', '\\': '\\' })[c]);
const parseJson = (text) => JSON.parse(text.replace(/\\\]/g, ']')); // in JSON only \] is an escape of ours

function directives(prompt) {
  const list = [];
  for (const m of prompt.matchAll(DIRECTIVE)) {
    list.push({ name: m[1], arg: m[2], raw: m[0] });
  }
  return list;
}

const withoutDirectives = (prompt) => dropDirectives(prompt).replace(/\s+/g, ' ').trim();

// True for as long as a directive with a "first N times" count has some left.
function spend(conversation, directive, count) {
  if (count === undefined || count === '') return true;
  const key = crypto.createHash('sha256').update(`${directive.raw}\0${conversation.prompt}`).digest('hex');
  const used = state.failures.get(key) ?? 0;
  if (used >= Number(count)) return false;
  state.failures.set(key, used + 1);
  return true;
}

// ------------------------------------------------------------------ tools --
const property = (tool, pattern) => Object.keys(tool.schema?.properties ?? {}).find((key) => pattern.test(key));

function workingDirectory({ context }) {
  const m = context.match(/<cwd>([^<]+)<\/cwd>/)
    ?? context.match(/(?:working|current|project) (?:in the )?(?:directory|folder|root)(?: is)?:?\s*`?(\/[^\s`"'<]+)/i);
  return m?.[1].replace(/[.,]$/, '');
}

const SHELL = /^(bash|shell|shell_command|exec_command|run_shell_command|run_command|run|container\.exec|local_shell)$/i;
const WRITE = /^(write|write_file|write_to_file|create_file|save_file)$/i;
const quote = (text) => `'${text.replace(/'/g, `'\\''`)}'`;

function shellCall(conversation, command) {
  for (const tool of conversation.tools) {
    if (!SHELL.test(tool.name)) continue;
    const key = property(tool, /^(command|cmd)$/i);
    if (!key) continue;
    const isArray = tool.schema.properties[key].type === 'array';
    const args = { [key]: isArray ? ['bash', '-c', command] : command };
    for (const extra of tool.schema.required ?? []) {
      if (!(extra in args)) args[extra] = /description|justification|purpose/i.test(extra) ? 'scripted by the fake model' : instance(tool.schema.properties[extra], conversation);
    }
    return { name: tool.name, args };
  }
  // codex "code mode": one freeform tool that runs JavaScript and reaches the others through `tools`.
  const exec = conversation.tools.find((tool) => tool.freeform && tool.name === 'exec');
  if (exec) return { name: 'exec', input: `const r = await tools.exec_command({ cmd: ${JSON.stringify(command)} }); text(r.output ?? JSON.stringify(r));`, freeform: true };
  return null;
}

function writeCall(conversation, name, content) {
  for (const tool of conversation.tools) {
    if (!WRITE.test(tool.name)) continue;
    const where = property(tool, /^(file_?path|path|filename|absolute_path)$/i);
    const what = property(tool, /^(content|contents|text)$/i);
    if (!where || !what) continue;
    const cwd = workingDirectory(conversation);
    return { name: tool.name, args: { [where]: cwd && !path.isAbsolute(name) ? path.join(cwd, name) : name, [what]: content } };
  }
  const dir = path.dirname(name);
  return shellCall(conversation, `${dir === '.' ? '' : `mkdir -p ${quote(dir)} && `}printf '%s' ${quote(content)} > ${quote(name)}`);
}

// ------------------------------------------------------------ JSON schema --
// The smallest deterministic instance; not a full implementation of the standard.
function instance(schema, conversation, root = schema, depth = 0) {
  if (schema === true || schema == null || depth > 12) return 'fake';
  if (schema.$ref) {
    const target = schema.$ref.replace(/^#\//, '').split('/').filter((k) => k !== '#').reduce((node, key) => node?.[key], root);
    return instance(target, conversation, root, depth + 1);
  }
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.default !== undefined) return schema.default;
  const branch = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (branch) return instance(branch, conversation, root, depth + 1);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => instance(part, conversation, root, depth + 1)));
  const type = String(Array.isArray(schema.type) ? schema.type.find((t) => t !== 'null') ?? 'null' : schema.type ?? (schema.properties ? 'object' : 'string')).toLowerCase();
  switch (type) {
    case 'object': {
      const out = {};
      for (const key of schema.required ?? Object.keys(schema.properties ?? {})) out[key] = instance(schema.properties?.[key] ?? {}, conversation, root, depth + 1);
      return out;
    }
    case 'array': return Array.from({ length: schema.minItems ?? 1 }, () => instance(schema.items ?? {}, conversation, root, depth + 1));
    case 'integer': return Math.ceil(schema.minimum ?? schema.exclusiveMinimum + 1 ?? 0) || 0;
    case 'number': return schema.minimum ?? 0;
    case 'boolean': return true;
    case 'null': return null;
    default: {
      const text = `echo: ${withoutDirectives(conversation?.prompt ?? '')}`.slice(0, schema.maxLength ?? 200);
      return text.padEnd(schema.minLength ?? 0, '.');
    }
  }
}

// ------------------------------------------------------------------- plan --
// What to answer: { fail?, slow, trickle, think, text | calls, finish, usage, ending }
function plan(conversation) {
  const list = directives(conversation.prompt);
  const get = (name) => list.find((d) => d.name === name);
  const out = { slow: Number(get('slow')?.arg ?? 0), trickle: Number(get('trickle')?.arg ?? 0), think: get('think') ? unescape(get('think').arg ?? '') : '', text: '', calls: [], finish: 'stop', ending: 'clean' };

  if (get('hang')) return { ...out, ending: 'hang' };
  for (const d of list) {
    if (d.name === 'status') {
      const [code, count] = (d.arg ?? '500').split(':');
      if (spend(conversation, d, count)) return { ...out, fail: { status: Number(code), retryAfter: get('retry-after')?.arg } };
    } else if (d.name === 'quota') {
      return { ...out, fail: { status: 429, kind: 'quota', retryAfter: get('retry-after')?.arg } };
    } else if (d.name === 'context') {
      return { ...out, fail: { status: 400, kind: 'context' } };
    } else if (d.name === 'garbage') {
      out.ending = 'garbage';
    } else if (d.name === 'stall') {
      out.ending = 'stall';
    } else if (['midfail', 'truncate', 'drop'].includes(d.name)) {
      if (spend(conversation, d, d.arg)) out.ending = d.name;
    }
  }

  // The next tool call, if the script has one that the offered tools can make.
  const script = list
    .map((d) => {
      const arg = d.arg ?? '';
      if (d.name === 'write') { const at = arg.indexOf(':'); return writeCall(conversation, arg.slice(0, at), unescape(arg.slice(at + 1))); }
      if (d.name === 'run') return shellCall(conversation, unescape(arg));
      if (d.name === 'loop') { const call = shellCall(conversation, unescape(arg) || 'true'); return call && { ...call, forever: true }; }
      if (d.name === 'badargs') return conversation.tools.some((t) => t.name === arg) ? { name: arg, rawArgs: '{"broken": ' } : null;
      if (d.name === 'tool') {
        const at = arg.indexOf(':');
        const name = at < 0 ? arg : arg.slice(0, at);
        const tool = conversation.tools.find((t) => t.name === name);
        if (!tool) return null;
        if (tool.freeform) return { name, input: unescape(arg.slice(at + 1)), freeform: true };
        let args = {};
        try { args = at < 0 ? {} : parseJson(arg.slice(at + 1)); } catch { return { name, rawArgs: arg.slice(at + 1) }; }
        return { name, args };
      }
      return null;
    })
    .filter(Boolean);
  const done = conversation.toolCalls.filter((name) => name !== 'StructuredOutput').length;
  const next = script[done] ?? script.find((call) => call.forever);
  if (next) { out.calls = get('parallel') && done === 0 ? script : [next]; out.finish = 'tool'; }

  if (!next) {
    // Claude Code asks for structured output through a tool of that name.
    const structured = conversation.tools.find((t) => t.name === 'StructuredOutput');
    const schema = conversation.schema ?? structured?.schema;
    const off = get('offschema');
    let value;
    if (off && spend(conversation, off, off.arg)) value = { off_schema: true };
    else if (get('json')) { try { value = parseJson(get('json').arg); } catch { value = undefined; } }
    else if (schema) value = instance(schema, conversation);
    const called = conversation.toolCalls.filter((name) => name === 'StructuredOutput').length;
    const failed = /validation|does not match|invalid|error/i.test(conversation.lastResult);
    if (structured && value !== undefined && (called === 0 || failed) && !get('say')) {
      out.calls = [{ name: 'StructuredOutput', args: value }];
      out.finish = 'tool';
    } else if (get('say')) out.text = unescape(get('say').arg ?? '');
    else if (get('empty')) out.text = '';
    else if (get('result')) out.text = conversation.lastResult;
    else if (get('big')) out.text = 'All work and no play. '.repeat(Math.ceil((Number(get('big').arg ?? 1) * 1024) / 22)).slice(0, Number(get('big').arg ?? 1) * 1024);
    else if (get('json')) out.text = value === undefined ? unescape(get('json').arg ?? '') : JSON.stringify(value);
    else if (conversation.schema) out.text = JSON.stringify(value);
    else out.text = `echo: ${withoutDirectives(conversation.prompt)}`;
    if (get('cut') && spend(conversation, get('cut'), get('cut').arg)) out.finish = 'length';
    if (get('refuse') && spend(conversation, get('refuse'), get('refuse').arg)) out.finish = 'refusal';
  }

  const asked = Object.fromEntries((get('usage')?.arg ?? '').split(',').filter(Boolean).map((pair) => pair.split('=').map((s) => s.trim())));
  const produced = out.text + out.calls.map((c) => JSON.stringify(c.args ?? c.input ?? c.rawArgs ?? '')).join('');
  const think = Number(asked.think ?? tokens(out.think));
  out.usage = {
    input: Number(asked.in ?? Math.ceil(conversation.chars / 4)), // all input, cached or not
    cacheRead: Number(asked.cache ?? 0),
    cacheWrite: Number(asked.write ?? 0),
    output: Number(asked.out ?? tokens(produced) + think), // all output, reasoning too
    think,
  };
  return out;
}

// ---------------------------------------------------------------- writing --
class Stream {
  constructor(res, request, answer) { Object.assign(this, { res, request, answer, count: 0 }); }
  open() {
    this.res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', connection: 'keep-alive', 'x-request-id': this.request.id, 'request-id': this.request.id });
    this.res.flushHeaders();
  }
  get gone() { return this.res.destroyed || this.res.writableEnded; }
  // Sends one event; a false return says that the script ends the stream here.
  async send(data, event) {
    if (this.gone) return false;
    if (this.answer.trickle) await sleep(this.answer.trickle);
    if (this.gone) return false;
    const broken = this.answer.ending === 'garbage' && this.count > 0;
    this.res.write(`${event ? `event: ${event}\n` : ''}data: ${broken ? '{"broken": ' : typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
    this.count += 1;
    return !broken;
  }
  // Called in mid-answer: carries out a scripted bad ending. True: stop here.
  async spoil(errorEvent) {
    const { ending } = this.answer;
    if (ending === 'truncate') { this.res.end(); return true; }
    if (ending === 'drop') { await sleep(20); this.res.destroy(); return true; }
    if (ending === 'stall') { await closed(this.res); return true; }
    if (ending === 'midfail') { await errorEvent(); this.res.end(); return true; }
    if (ending === 'garbage') { await this.send({}); this.res.end(); return true; }
    return false;
  }
}

const closed = (res) => new Promise((resolve) => (res.destroyed ? resolve() : res.once('close', resolve)));
const pieces = (text, size = 48) => text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? [];
const argsOf = (call) => call.rawArgs ?? JSON.stringify(call.args ?? {});

function sendJson(res, status, body, headers = {}) {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}

const ANTHROPIC_ERRORS = { 400: 'invalid_request_error', 401: 'authentication_error', 402: 'billing_error', 403: 'permission_error', 404: 'not_found_error', 413: 'request_too_large', 429: 'rate_limit_error', 500: 'api_error', 503: 'overloaded_error', 529: 'overloaded_error' };
const OPENAI_ERRORS = { 400: 'invalid_request_error', 401: 'invalid_request_error', 402: 'insufficient_balance', 403: 'permission_error', 404: 'not_found_error', 429: 'rate_limit_exceeded' };

function sendError(res, request, { status, kind, retryAfter, message }) {
  const text = message ?? (kind === 'quota' ? 'You exceeded your current quota, please check your plan and billing details.'
    : kind === 'context' ? 'This model\'s maximum context length is 1000 tokens; prompt is too long: 2000 tokens > 1000 maximum'
      : `scripted ${status} from the fake model server`);
  const headers = { 'x-request-id': request.id, 'request-id': request.id };
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
  if (request.api === 'anthropic') {
    sendJson(res, status, { type: 'error', error: { type: ANTHROPIC_ERRORS[status] ?? 'api_error', message: text }, request_id: request.id }, headers);
  } else if (request.api === 'gemini') {
    sendJson(res, status, { error: { code: status, message: text, status: status === 429 ? 'RESOURCE_EXHAUSTED' : status === 401 ? 'UNAUTHENTICATED' : status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT' } }, headers);
  } else if (request.provider === 'minimax') {
    // MiniMax reports failures in base_resp, in part with HTTP 200.
    const code = kind === 'quota' ? 1008 : { 401: 1004, 402: 1008, 429: 1002, 500: 1000, 503: 1001 }[status] ?? 2013;
    sendJson(res, [401, 402, 429].includes(status) ? 200 : status, { id: request.id, choices: null, base_resp: { status_code: code, status_msg: text } }, headers);
  } else if (request.provider === 'zhipu') {
    // Zhipu says with one and the same 429 "too many at once" (1302) and "no money left" (1113).
    const code = kind === 'quota' ? '1113' : { 400: '1214', 401: '1002', 429: '1302', 500: '500' }[status] ?? '1200';
    sendJson(res, status, { error: { code, message: text } }, headers);
  } else if (request.provider === 'deepseek' && kind === 'quota') {
    sendJson(res, 402, { error: { message: 'Insufficient Balance', type: 'unknown_error', param: null, code: 'invalid_request_error' } }, headers);
  } else if (request.provider === 'kimi') {
    const type = kind === 'quota' ? 'exceeded_current_quota_error' : { 400: 'invalid_request_error', 401: 'invalid_authentication_error', 429: 'rate_limit_reached_error' }[status] ?? 'server_error';
    sendJson(res, status, { error: { message: text, type } }, headers);
  } else {
    const code = kind === 'quota' ? 'insufficient_quota' : kind === 'context' ? 'context_length_exceeded' : status === 401 ? 'invalid_api_key' : status === 429 ? 'rate_limit_exceeded' : null;
    sendJson(res, status, { error: { message: text, type: kind === 'quota' ? 'insufficient_quota' : OPENAI_ERRORS[status] ?? 'server_error', param: null, code } }, headers);
  }
}

// -- Anthropic Messages
async function answerAnthropic(res, request, conversation, answer) {
  const { usage } = answer;
  const input = { input_tokens: Math.max(0, usage.input - usage.cacheRead - usage.cacheWrite), cache_creation_input_tokens: usage.cacheWrite, cache_read_input_tokens: usage.cacheRead };
  const stop = { stop: 'end_turn', tool: 'tool_use', length: 'max_tokens', refusal: 'refusal' }[answer.finish];
  const blocks = [];
  if (answer.think) blocks.push({ type: 'thinking', thinking: answer.think, signature: 'ZmFrZQ==' });
  if (answer.text || !answer.calls.length) blocks.push({ type: 'text', text: answer.text });
  for (const call of answer.calls) blocks.push({ type: 'tool_use', id: newId('toolu'), name: call.name, input: call.args ?? {}, raw: argsOf(call) });
  const message = { id: newId('msg'), type: 'message', role: 'assistant', model: conversation.model, content: [], stop_reason: null, stop_sequence: null };

  if (!conversation.stream) {
    if (answer.ending !== 'clean') return brokenBody(res, request, answer);
    return sendJson(res, 200, { ...message, content: blocks.map(({ raw, ...b }) => b), stop_reason: stop, usage: { ...input, output_tokens: usage.output } }, { 'request-id': request.id });
  }
  const sse = new Stream(res, request, answer);
  const send = (type, data) => sse.send({ type, ...data }, type);
  sse.open();
  await send('message_start', { message: { ...message, usage: { ...input, output_tokens: 1 } } });
  await send('ping', {});
  for (const [index, block] of blocks.entries()) {
    const start = block.type === 'text' ? { type: 'text', text: '' } : block.type === 'thinking' ? { type: 'thinking', thinking: '', signature: '' } : { type: 'tool_use', id: block.id, name: block.name, input: {} };
    await send('content_block_start', { index, content_block: start });
    const parts = block.type === 'text' ? pieces(block.text).map((text) => ({ type: 'text_delta', text }))
      : block.type === 'thinking' ? [...pieces(block.thinking).map((thinking) => ({ type: 'thinking_delta', thinking })), { type: 'signature_delta', signature: block.signature }]
        : pieces(block.raw).map((partial_json) => ({ type: 'input_json_delta', partial_json }));
    for (const [i, delta] of parts.entries()) {
      if (i === Math.min(1, parts.length - 1) && await sse.spoil(() => send('error', { error: { type: 'overloaded_error', message: 'scripted mid-stream failure' } }))) return undefined;
      await send('content_block_delta', { index, delta });
    }
    await send('content_block_stop', { index });
  }
  await send('message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage: { ...input, output_tokens: usage.output } });
  await send('message_stop', {});
  return res.end();
}

// -- OpenAI Responses
async function answerResponses(res, request, conversation, answer) {
  const { usage } = answer;
  const output = [];
  if (answer.think) output.push({ type: 'reasoning', id: newId('rs'), summary: [{ type: 'summary_text', text: answer.think }], encrypted_content: null });
  for (const call of answer.calls) {
    const common = { id: newId('fc'), status: 'completed', call_id: newId('call'), name: call.name };
    output.push(call.freeform ? { type: 'custom_tool_call', ...common, input: call.input } : { type: 'function_call', ...common, arguments: argsOf(call) });
  }
  if (answer.finish === 'refusal') output.push({ type: 'message', id: newId('msg'), role: 'assistant', status: 'completed', content: [{ type: 'refusal', refusal: answer.text }] });
  else if (answer.text || !answer.calls.length) output.push({ type: 'message', id: newId('msg'), role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: answer.text, annotations: [] }] });
  const cut = answer.finish === 'length';
  const base = { id: newId('resp'), object: 'response', created_at: nowSeconds(), status: 'in_progress', model: conversation.model, output: [], error: null, incomplete_details: null, usage: null };
  const final = {
    ...base,
    status: cut ? 'incomplete' : 'completed',
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    output,
    usage: { input_tokens: usage.input, input_tokens_details: { cached_tokens: usage.cacheRead }, output_tokens: usage.output, output_tokens_details: { reasoning_tokens: usage.think }, total_tokens: usage.input + usage.output },
  };
  if (!conversation.stream) {
    if (answer.ending !== 'clean') return brokenBody(res, request, answer);
    return sendJson(res, 200, final, { 'x-request-id': request.id });
  }
  const sse = new Stream(res, request, answer);
  let sequence = 0;
  const send = (type, data) => sse.send({ type, sequence_number: sequence++, ...data }, type);
  const failed = () => send('response.failed', { response: { ...base, status: 'failed', error: { code: 'server_error', message: 'scripted mid-stream failure' } } });
  sse.open();
  await send('response.created', { response: base });
  await send('response.in_progress', { response: base });
  for (const [output_index, item] of output.entries()) {
    const where = { item_id: item.id, output_index };
    await send('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', ...(item.content ? { content: [] } : {}), ...(item.arguments !== undefined ? { arguments: '' } : {}), ...(item.summary ? { summary: [] } : {}) } });
    if (await sse.spoil(failed)) return undefined;
    if (item.type === 'message' && item.content[0].type === 'output_text') {
      await send('response.content_part.added', { ...where, content_index: 0, part: { type: 'output_text', text: '', annotations: [] } });
      for (const delta of pieces(item.content[0].text)) await send('response.output_text.delta', { ...where, content_index: 0, delta });
      await send('response.output_text.done', { ...where, content_index: 0, text: item.content[0].text });
      await send('response.content_part.done', { ...where, content_index: 0, part: item.content[0] });
    } else if (item.type === 'function_call') {
      for (const delta of pieces(item.arguments)) await send('response.function_call_arguments.delta', { ...where, delta });
      await send('response.function_call_arguments.done', { ...where, arguments: item.arguments });
    } else if (item.type === 'custom_tool_call') {
      for (const delta of pieces(item.input)) await send('response.custom_tool_call_input.delta', { ...where, delta });
      await send('response.custom_tool_call_input.done', { ...where, input: item.input });
    } else if (item.type === 'reasoning') {
      await send('response.reasoning_summary_part.added', { ...where, summary_index: 0, part: { type: 'summary_text', text: '' } });
      await send('response.reasoning_summary_text.delta', { ...where, summary_index: 0, delta: answer.think });
      await send('response.reasoning_summary_text.done', { ...where, summary_index: 0, text: answer.think });
    }
    await send('response.output_item.done', { output_index, item });
  }
  await send(cut ? 'response.incomplete' : 'response.completed', { response: final });
  return res.end();
}

// -- OpenAI Chat Completions, with the dialects of the providers that copy it
function chatUsage(provider, usage) {
  const out = { prompt_tokens: usage.input, completion_tokens: usage.output, total_tokens: usage.input + usage.output };
  if (provider === 'deepseek') Object.assign(out, { prompt_cache_hit_tokens: usage.cacheRead, prompt_cache_miss_tokens: usage.input - usage.cacheRead });
  else if (provider === 'kimi' || provider === 'stepfun') out.cached_tokens = usage.cacheRead;
  else out.prompt_tokens_details = { cached_tokens: usage.cacheRead };
  if (usage.think || !provider) out.completion_tokens_details = { reasoning_tokens: usage.think };
  return out;
}

async function answerChat(res, request, conversation, answer) {
  const { provider } = request;
  const finish = { stop: 'stop', tool: 'tool_calls', length: 'length', refusal: provider === 'zhipu' ? 'sensitive' : 'content_filter' }[answer.finish];
  const reasoning = !answer.think ? {} : provider === 'minimax' ? { reasoning_details: [{ type: 'reasoning.text', text: answer.think }] } : provider === 'stepfun' ? { reasoning: answer.think } : { reasoning_content: answer.think };
  const calls = answer.calls.map((call) => ({ id: newId('call'), type: 'function', function: { name: call.name, arguments: argsOf(call) } }));
  const base = { id: newId('chatcmpl'), created: nowSeconds(), model: conversation.model };
  const usage = chatUsage(provider, answer.usage);
  const extra = provider === 'minimax' ? { base_resp: { status_code: 0, status_msg: '' } } : {};

  if (!conversation.stream) {
    if (answer.ending !== 'clean') return brokenBody(res, request, answer);
    const message = { role: 'assistant', content: answer.text || (calls.length ? null : ''), ...reasoning, ...(calls.length ? { tool_calls: calls } : {}) };
    return sendJson(res, 200, { ...base, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: finish }], usage, ...extra }, { 'x-request-id': request.id });
  }
  const sse = new Stream(res, request, answer);
  const chunk = (delta, finish_reason = null, more = {}) => sse.send({ ...base, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }], ...more });
  const failed = () => sse.send({ error: { message: 'scripted mid-stream failure', type: 'server_error', code: null } });
  sse.open();
  await chunk({ role: 'assistant', content: '' });
  if (answer.think) await chunk(reasoning);
  const parts = pieces(answer.text);
  if (!parts.length && await sse.spoil(failed)) return undefined;
  for (const [i, content] of parts.entries()) {
    if (i === Math.min(1, parts.length - 1) && await sse.spoil(failed)) return undefined;
    await chunk({ content });
  }
  for (const [index, call] of calls.entries()) {
    await chunk({ tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.function.name, arguments: '' } }] });
    for (const part of pieces(call.function.arguments)) await chunk({ tool_calls: [{ index, function: { arguments: part } }] });
  }
  await chunk({}, finish, provider && provider !== 'qwen' ? { usage } : {});
  if (conversation.streamUsage) await sse.send({ ...base, object: 'chat.completion.chunk', choices: [], usage });
  await sse.send('[DONE]');
  return res.end();
}

// -- Gemini
async function answerGemini(res, request, conversation, answer) {
  const { usage } = answer;
  const parts = [];
  if (answer.think) parts.push({ text: answer.think, thought: true });
  if (answer.text || !answer.calls.length) parts.push({ text: answer.text });
  for (const call of answer.calls) parts.push({ functionCall: { name: call.name, args: call.args ?? {}, id: newId('call') } });
  const finishReason = { stop: 'STOP', tool: 'STOP', length: 'MAX_TOKENS', refusal: 'SAFETY' }[answer.finish];
  const meta = { modelVersion: conversation.model, responseId: newId('gem'), usageMetadata: { promptTokenCount: usage.input, cachedContentTokenCount: usage.cacheRead, candidatesTokenCount: usage.output - usage.think, thoughtsTokenCount: usage.think, totalTokenCount: usage.input + usage.output } };
  if (!conversation.stream) {
    if (answer.ending !== 'clean') return brokenBody(res, request, answer);
    return sendJson(res, 200, { candidates: [{ index: 0, content: { role: 'model', parts }, finishReason }], ...meta });
  }
  const sse = new Stream(res, request, answer);
  sse.open();
  for (const part of parts) {
    if (await sse.spoil(() => sse.send({ error: { code: 503, message: 'scripted mid-stream failure', status: 'UNAVAILABLE' } }))) return undefined;
    await sse.send({ candidates: [{ index: 0, content: { role: 'model', parts: [part] } }], ...meta });
  }
  await sse.send({ candidates: [{ index: 0, content: { role: 'model', parts: [{ text: '' }] }, finishReason }], ...meta });
  return res.end();
}

async function brokenBody(res, request, answer) {
  if (answer.ending === 'stall') { res.writeHead(200, { 'content-type': 'application/json' }); res.write('{"id":'); return closed(res); }
  if (answer.ending === 'drop') return res.destroy();
  if (answer.ending === 'midfail') return sendError(res, request, { status: 500 });
  res.writeHead(200, { 'content-type': 'application/json' }); // garbage and truncate
  return res.end(answer.ending === 'garbage' ? '<html>not json</html>' : '{"id":"trunc');
}

// ----------------------------------------------------------------- server --
// DeepSeek and Kimi refuse a history whose tool calls lost their reasoning.
function refusal(provider, body) {
  if (body.thinking?.type !== 'enabled' && !(provider === 'deepseek' && !body.thinking && /^deepseek-(v4|reasoner)/.test(body.model))) return null;
  const index = (body.messages ?? []).findIndex((m) => m.role === 'assistant' && m.tool_calls?.length && typeof m.reasoning_content !== 'string');
  if (index < 0) return null;
  if (provider === 'deepseek') return 'The reasoning_content in the thinking mode must be passed back to the API.';
  if (provider === 'kimi') return `thinking is enabled but reasoning_content is missing in assistant tool call message at index ${index}`;
  return null;
}

const inflate = { gzip: zlib.gunzipSync, deflate: zlib.inflateSync, br: zlib.brotliDecompressSync, zstd: zlib.zstdDecompressSync };

async function readBody(req) {
  const chunks = [];
  for await (const piece of req) chunks.push(piece);
  let raw = Buffer.concat(chunks);
  const encoding = req.headers['content-encoding'];
  if (encoding && inflate[encoding]) raw = inflate[encoding](raw);
  return raw.toString('utf8');
}

function record(request, entry) {
  Object.assign(request, entry);
  if (opt.log) fs.appendFileSync(opt.log, `${JSON.stringify(request)}\n`);
}

async function handle(req, res) {
  const url = new URL(req.url, 'http://fake');
  const text = await readBody(req);

  if (url.pathname.startsWith('/__fake/')) {
    if (url.pathname === '/__fake/health') return sendJson(res, 200, { ok: true, requests: state.requests.length, open: server.openRequests });
    if (url.pathname === '/__fake/requests') return sendJson(res, 200, state.requests.slice(-Number(url.searchParams.get('last') ?? KEEP_REQUESTS)));
    if (url.pathname === '/__fake/reset' && req.method === 'POST') { state.requests = []; state.failures.clear(); return sendJson(res, 200, { ok: true }); }
    return sendJson(res, 404, { error: 'no such control path' });
  }

  const headers = { ...req.headers };
  const key = (headers.authorization ?? '').replace(/^Bearer /i, '') || headers['x-api-key'] || headers['api-key'] || headers['x-goog-api-key'] || url.searchParams.get('key') || '';
  for (const name of ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key']) if (headers[name]) headers[name] = '***';
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { /* answered below */ }
  const request = { id: newId('req'), at: new Date().toISOString(), method: req.method, path: url.pathname, query: url.search.replace(/key=[^&]*/, 'key=***'), headers, key_tail: key.slice(-4), body: body ?? text };
  request.provider = PROVIDERS.find((name) => url.pathname.startsWith(`/${name}/`));
  state.requests.push(request);
  if (state.requests.length > KEEP_REQUESTS) state.requests.shift();

  const route = /\/messages$/.test(url.pathname) ? ['anthropic', readAnthropic, answerAnthropic]
    : /\/responses$/.test(url.pathname) ? ['responses', readResponses, answerResponses]
      : /\/chat\/completions$/.test(url.pathname) ? ['chat', readChat, answerChat]
        : /:(streamGenerateContent|generateContent)$/.test(url.pathname) ? ['gemini', readGemini, answerGemini]
          : null;
  request.api = route?.[0] ?? (/\/messages\//.test(url.pathname) ? 'anthropic' : /:countTokens$/.test(url.pathname) ? 'gemini' : 'other');

  if (req.method === 'HEAD') { record(request, { answered: 200 }); res.writeHead(200); return res.end(); }
  if (opt.key && key !== opt.key) { record(request, { answered: 401 }); return sendError(res, request, { status: 401, message: 'invalid api key' }); }
  if (req.method === 'GET' && /\/models$/.test(url.pathname)) {
    record(request, { answered: 200 });
    return sendJson(res, 200, { object: 'list', data: [{ id: 'fake-model', object: 'model', owned_by: 'fake', type: 'model', display_name: 'Fake' }], models: [], has_more: false });
  }
  if (req.method === 'POST' && /\/count_tokens$/.test(url.pathname)) { record(request, { answered: 200 }); return sendJson(res, 200, { input_tokens: tokens(text) }); }
  if (req.method === 'POST' && /:countTokens$/.test(url.pathname)) { record(request, { answered: 200 }); return sendJson(res, 200, { totalTokens: tokens(text) }); }
  if (!route || req.method !== 'POST') { record(request, { answered: 404 }); return sendError(res, request, { status: 404, message: `no such path: ${req.method} ${url.pathname}` }); }
  if (!body) { record(request, { answered: 400 }); return sendError(res, request, { status: 400, message: 'the body is not JSON' }); }

  const complaint = request.api === 'chat' && request.provider && refusal(request.provider, body);
  if (complaint) { record(request, { answered: 400 }); return sendError(res, request, { status: 400, message: complaint }); }

  const conversation = { ...route[1](body, url), chars: text.length };
  const answer = plan(conversation);
  record(request, { answered: answer.fail?.status ?? answer.ending, prompt: conversation.prompt, answer: answer.fail ?? { text: answer.text.slice(0, 2000), calls: answer.calls, finish: answer.finish, usage: answer.usage } });
  if (answer.slow) await sleep(answer.slow);
  if (res.destroyed) return undefined;
  if (answer.ending === 'hang') return closed(res);
  if (answer.fail) return sendError(res, request, answer.fail);
  return route[2](res, request, conversation, answer);
}

const server = http.createServer((req, res) => {
  server.openRequests += 1;
  res.once('close', () => { server.openRequests -= 1; });
  handle(req, res).catch((error) => {
    if (!opt.quiet) console.error(`fake-model-server: ${error.stack}`);
    if (!res.headersSent) sendJson(res, 500, { error: { message: `fake model server bug: ${error.message}` } });
    else res.destroy();
  });
});
server.openRequests = 0;
server.requestTimeout = 0;
server.listen(Number(opt.port), opt.host, () => {
  const { port } = server.address();
  const url = `http://${opt.host.includes(':') ? `[${opt.host}]` : opt.host}:${port}`;
  if (opt['port-file']) {
    fs.writeFileSync(`${opt['port-file']}.tmp`, `${port}\n`);
    fs.renameSync(`${opt['port-file']}.tmp`, opt['port-file']);
  }
  console.log(JSON.stringify({ ready: true, url, port, pid: process.pid }));
});
server.on('error', (error) => { console.error(`fake-model-server: ${error.message}`); process.exit(1); });
const stop = () => process.exit(0);
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
if (opt.ttl) setTimeout(stop, Number(opt.ttl) * 1000).unref();
