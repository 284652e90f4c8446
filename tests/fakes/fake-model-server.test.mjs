// node --test fake-model-server.test.mjs
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

let server; let url;
before(async () => {
  server = spawn(process.execPath, [new URL('./fake-model-server.mjs', import.meta.url).pathname, '--ttl', '120'], { stdio: ['ignore', 'pipe', 'inherit'] });
  url = JSON.parse(String((await once(server.stdout, 'data'))[0]).split('\n')[0]).url;
});
after(() => server.kill());

const post = (path, body, headers = {}) => fetch(url + path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
const chat = (content, more = {}, prefix = '') => post(`${prefix}/v1/chat/completions`, { model: 'm', messages: [{ role: 'user', content }], ...more });
const messages = (content, more = {}) => post('/v1/messages', { model: 'm', max_tokens: 9, messages: [{ role: 'user', content }], ...more });
const responses = (input, more = {}) => post('/v1/responses', { model: 'm', input, ...more });
const events = async (res) => (await res.text()).split('\n').filter((l) => l.startsWith('data: ')).map((l) => l.slice(6)).filter((d) => d !== '[DONE]').map((d) => JSON.parse(d));
const bash = { type: 'function', function: { name: 'bash', parameters: { type: 'object', properties: { cmd: { type: 'string' } }, required: ['cmd'] } } };
const write = { name: 'Write', input_schema: { type: 'object', properties: { file_path: { type: 'string' }, content: { type: 'string' } } } };

test('the three APIs echo, plain and streamed', async () => {
  assert.equal((await (await chat('hi')).json()).choices[0].message.content, 'echo: hi');
  assert.equal((await (await messages('hi')).json()).content[0].text, 'echo: hi');
  assert.equal((await (await responses('hi')).json()).output[0].content[0].text, 'echo: hi');
  const c = await events(await chat('hi', { stream: true, stream_options: { include_usage: true } }));
  assert.equal(c.map((e) => e.choices[0]?.delta.content ?? '').join(''), 'echo: hi');
  assert.ok(c.at(-1).usage.total_tokens > 0);
  const m = await events(await messages('hi', { stream: true }));
  assert.equal(m.at(-1).type, 'message_stop');
  const r = await events(await responses('hi', { stream: true }));
  assert.equal(r.at(-1).type, 'response.completed');
});

test('parallel tool calls come in one turn', async () => {
  const choice = (await (await chat('[[parallel]] [[run:echo one]] [[run:echo two]]', { tools: [bash] })).json()).choices[0];
  assert.deepEqual(choice.message.tool_calls.map((c) => JSON.parse(c.function.arguments).cmd), ['echo one', 'echo two']);
});

test('tool calls run in order, then the answer', async () => {
  const ask = 'do [[run:echo one]] [[write:a b.txt:it\\n]] [[result]]';
  const first = (await (await chat(ask, { tools: [bash] })).json()).choices[0];
  assert.equal(first.finish_reason, 'tool_calls');
  assert.deepEqual(JSON.parse(first.message.tool_calls[0].function.arguments), { cmd: 'echo one' });
  const history = [{ role: 'user', content: ask }, first.message, { role: 'tool', tool_call_id: first.message.tool_calls[0].id, content: 'one' }];
  const second = (await (await post('/v1/chat/completions', { model: 'm', tools: [bash], messages: history })).json()).choices[0];
  assert.match(JSON.parse(second.message.tool_calls[0].function.arguments).cmd, /> 'a b\.txt'$/);
  history.push(second.message, { role: 'tool', tool_call_id: second.message.tool_calls[0].id, content: 'two' });
  const third = (await (await post('/v1/chat/completions', { model: 'm', tools: [bash], messages: history })).json()).choices[0];
  assert.equal(third.message.content, 'two');
});

test('a relative path is made absolute from the working directory', async () => {
  const body = await (await messages('go [[write:x.txt:hello]]', { tools: [write], system: 'Working directory: /w/t\n' })).json();
  assert.deepEqual(body.content.at(-1).input, { file_path: '/w/t/x.txt', content: 'hello' });
  assert.equal(body.stop_reason, 'tool_use');
});

test('JSON: by schema, by directive, off schema N times', async () => {
  const schema = { type: 'object', properties: { n: { type: 'integer', minimum: 3 }, tags: { type: 'array', items: { enum: ['a', 'b'] } } }, required: ['n', 'tags'] };
  const format = { response_format: { type: 'json_schema', json_schema: { name: 's', schema } } };
  const content = async (text) => JSON.parse((await (await chat(text, format)).json()).choices[0].message.content);
  assert.deepEqual(await content('x'), { n: 3, tags: ['a'] });
  assert.deepEqual(await content('x [[json:{"n":[[1],[2]\\]}]]'), { n: [[1], [2]] });
  assert.deepEqual(await content('y [[offschema:1]]'), { off_schema: true });
  assert.deepEqual(await content('y [[offschema:1]]'), { n: 3, tags: ['a'] });
});

test('failures: first N, headers, shapes, streams', async () => {
  const res = await messages('z [[status:429:1]] [[retry-after:2]]');
  assert.equal(res.status, 429);
  assert.equal(res.headers.get('retry-after'), '2');
  assert.equal((await res.json()).error.type, 'rate_limit_error');
  assert.equal((await messages('z [[status:429:1]] [[retry-after:2]]')).status, 200);
  assert.equal((await (await chat('[[quota]]')).json()).error.code, 'insufficient_quota');
  assert.ok(!(await (await responses('[[truncate]]', { stream: true })).text()).includes('response.completed'));
  assert.ok((await (await responses('[[midfail]]', { stream: true })).text()).includes('response.failed'));
  await assert.rejects(async () => (await messages('[[drop]]', { stream: true })).text());
  await assert.rejects(fetch(`${url}/v1/messages`, { method: 'POST', body: JSON.stringify({ messages: [{ role: 'user', content: '[[hang]]' }] }), signal: AbortSignal.timeout(200) }));
});

test('provider dialects', async () => {
  const usage = async (provider) => (await (await chat('[[usage:in=100,out=9,cache=80,think=4]]', {}, `/${provider}`)).json()).usage;
  assert.equal((await usage('deepseek')).prompt_cache_hit_tokens, 80);
  assert.equal((await usage('kimi')).cached_tokens, 80);
  assert.equal((await usage('qwen')).prompt_tokens_details.cached_tokens, 80);
  assert.equal((await (await chat('[[status:429]]', {}, '/minimax')).json()).base_resp.status_code, 1002);
  assert.equal((await chat('[[quota]]', {}, '/deepseek')).status, 402);
  assert.equal((await (await chat('[[quota]]', {}, '/zhipu/api/paas')).json()).error.code, '1113');
});

test('lost reasoning is refused as DeepSeek and Kimi do', async () => {
  const call = { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'bash', arguments: '{}' } }] };
  const ask = (provider, assistant) => post(`/${provider}/v1/chat/completions`, { model: 'm', thinking: { type: 'enabled' }, messages: [{ role: 'user', content: 'x' }, assistant, { role: 'tool', tool_call_id: 'c', content: 'y' }] });
  for (const provider of ['deepseek', 'kimi']) {
    assert.equal((await ask(provider, call)).status, 400);
    assert.equal((await ask(provider, { ...call, reasoning_content: 'z' })).status, 200);
  }
  assert.equal((await ask('qwen', call)).status, 200);
});

test('the request log keeps bodies and masks keys', async () => {
  await chat('logged', {}, '');
  const [last] = await (await fetch(`${url}/__fake/requests?last=1`)).json();
  assert.equal(last.prompt, 'logged');
  await post('/v1/chat/completions', { messages: [] }, { authorization: 'Bearer secret-key' });
  assert.equal((await (await fetch(`${url}/__fake/requests?last=1`)).json())[0].headers.authorization, '***');
});

test('a schema repair turn keeps the directives of the prompt it repairs', async () => {
  const first = { role: 'user', content: 'repaired [[offschema:1]] [[json:{"n":5}]]' };
  const ask = async (messages) => (await (await post('/v1/chat/completions', { model: 'm', messages })).json()).choices[0].message.content;
  const off = await ask([first]);
  assert.equal(off, '{"off_schema":true}');
  const nudge = { role: 'user', content: 'That answer does not fit the JSON Schema: /n is missing. Answer again.' };
  assert.equal(await ask([first, { role: 'assistant', content: off }, nudge]), '{"n":5}');
});
