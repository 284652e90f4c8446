"""Scripts that misbehave in every way, and how each must end. See isolation_test.py.

Each: name -> (body, how it ends). A dictionary of `error` (words of the run's error, its category), or `result` (JSON), and
for either `lines_max`. All run at once, within TURN_CPU_MS of a turn and HEAP_BYTES_MAX of heap."""

TURN_CPU_MS = 2500
HEAP_BYTES_MAX = 64 * 1024 * 1024
RESULT_BYTES_MAX = 4 * 1024 * 1024
LOG_LINES_MAX = 1000

TIMED_OUT = {"error": (f"timed out after {TURN_CPU_MS}ms", "timeout")}
OUT_OF_MEMORY = {"error": ("memory", "limit")}


def _range_error(body):
    return f"try {{ {body} }} catch (error) {{ return error.name; }} return 'no error';", {"result": "RangeError"}


LOOPS = {
    "LoopBeforeAnAwait": "for (;;) {}",
    "LoopAfterAnAwait": "await agent('x'); for (;;) {}",
    "LoopInACatch": "for (;;) { try { for (;;) {} } catch {} finally { continue; } }",
    "LoopInAGetter": "await agent('x', { get label() { for (;;) {} } });",
    "LoopInAProxyTrap": "await agent('x', { schema: new Proxy({}, { ownKeys() { for (;;) {} } }) });",
    "LoopInARegex": "return /^(a+)+$/.test('a'.repeat(60) + 'b');",
    "LoopInAComparator": "[3, 1, 2].sort(() => { for (;;) {} });",
    "LoopInToJson": "return { toJSON() { for (;;) {} } };",
    "LoopInAThunk": "await parallel([() => agent('x'), () => { for (;;) {} }]);",
    "LoopInATimer": "setTimeout(() => { for (;;) {} }, 5); await agent('[[delay:60000]]');",
    "LoopOfMicrotasks": "(function f() { Promise.resolve().then(f); })(); await agent('x');",
    "LoopOfAwaits": "while (true) await null;",
    "LoopOfThenables": "await { then(resolve) { resolve(this); } };",
    "LoopOfAnIterator": "for (const x of { [Symbol.iterator]: () => ({ next: () => ({ value: 0, done: false }) }) }) x;",
}

HEAPS = {
    "MemoryOfArrays": "const all = []; for (;;) all.push(new Array(100000).fill(all.length));",
    "MemoryOfStrings": "const all = []; for (let i = 0; ; i++) { const text = ('x' + i).repeat(100000); text.charCodeAt(9); all.push(text); }",
    "MemoryOfAMap": "const map = new Map(); for (let i = 0; ; i++) map.set(i, { i, text: 'x' + i });",
    "MemoryOfClosures": "let f = () => 0; for (;;) { const g = f, data = new Array(1000).fill(g); f = () => [g, data]; }",
    "MemoryOfPromises": "const all = []; for (;;) all.push(new Promise(() => {}), Promise.resolve(new Array(500).fill(all)));",
    "MemoryOfARegexsMatches": "const all = [], text = 'ab'.repeat(100000); for (;;) all.push([...text.matchAll(/(a)(b)/g)]);",
    "MemoryAfterAnAwait": "await agent('x'); const all = []; for (;;) all.push({ at: all.length, list: [1, 2, 3] });",
}

OTHERS = {
    "StringDoubling": _range_error("let text = 'x'; for (;;) text += text;"),
    "HugeBuffer": _range_error("new ArrayBuffer(2 ** 33);"),
    "ManyBuffers": _range_error("const all = []; for (;;) all.push(new Uint8Array(8 << 20).fill(1));"),
    "DeepRecursion": _range_error("(function f(n) { return f(n + 1) + 1; })(0);"),
    "DeepRecursionOfGetters": _range_error("const o = { get a() { return this.a; } }; o.a;"),
    "HugeRegex": ("try { new RegExp('(?:a{0,1000}){0,1000}'.repeat(2000)).test('a'); } catch (error) { return error.name; } "
                  "return 'SyntaxError';", {"result": "SyntaxError"}),
    "LogFlood": ("for (let i = 0; i < 300000; i++) log('line ' + i); return 'flooded';",
                 {"result": "flooded", "lines_max": LOG_LINES_MAX + 1}),
    "LogFloodOfBigLines": ("for (let i = 0; i < 300; i++) log('x'.repeat(1e6)); return 'flooded';",
                           {"result": "flooded", "lines_max": LOG_LINES_MAX + 1}),
    "ConsoleFlood": ("for (let i = 0; i < 300000; i++) console.error({ i, list: [i] }); return 'flooded';",
                     {"result": "flooded", "lines_max": LOG_LINES_MAX + 1}),
    "MonstrousResult": ("return 'x'.repeat(%d);" % (2 * RESULT_BYTES_MAX),
                        {"error": ("result_bytes_max", "")}),
    "BottomlessResult": ("const top = {}; let at = top; for (let i = 0; i < 1e6; i++) { at.a = {}; at = at.a; } return top;",
                         {"error": ("", "")}),
    "FloodOfRefusedCalls": ("for (;;) { try { await agent('x', { isolation: 'remote' }); } catch {} }",
                            {"error": ("", "")}),
    "FloodOfRejections": ("for (let i = 0; i < 50000; i++) Promise.reject(new Error('x' + i)); await agent('x'); return 'done';",
                          {"result": "done", "lines_max": LOG_LINES_MAX + 1}),
    "PollutedPrototypes": ("""
const found = [];
for (const proto of [Object.prototype, Array.prototype, Function.prototype, Promise.prototype, String.prototype]) {
  for (const key of Reflect.ownKeys(proto)) if (key !== 'constructor') found.push([proto, key]);
}
Object.prototype.polluted = true;
for (let i = 0, n = found.length; i < n; i++) {
  try { found[i][0][found[i][1]] = () => { throw new Error('polluted'); }; } catch {}
}
Object.defineProperty(Object.prototype, 'then', { get() { return undefined; }, configurable: true });
JSON.stringify = JSON.parse = () => 'polluted';
globalThis.agent = globalThis.parallel = undefined;
return 'polluted itself';
""", {"result": "polluted itself"}),
    "FrozenGlobals": ("for (const key of Reflect.ownKeys(globalThis)) { try { delete globalThis[key]; } catch {} } return 1;",
                      {"result": 1}),
    "DigsForTheHost": ("""
const reached = [];
const look = (name, f) => { try { const found = f(); if (found !== undefined && found !== null) reached.push(name); } catch {} };
look('process by agent', () => agent.constructor('return process')());
look('process by args', () => args.constructor.constructor('return process')());
look('process by budget', () => budget.constructor.constructor('return process')());
look('eval', () => (0, eval)('1'));
look('globals', () => globalThis.process ?? globalThis.require ?? globalThis.module ?? globalThis.fetch);
look('internals', () => globalThis.internalBinding ?? globalThis.d8 ?? globalThis.Deno ?? globalThis.WebAssembly);
look('call site', () => {
  Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getThis?.()).find((found) => found !== undefined && found !== globalThis);
  return new Error('x').stack ?? undefined;
});
Error.prepareStackTrace = undefined;
look('caller', () => { function f() { return f.caller; } return [1].map(f)[0]; });
look('host error', () => { try { agent(Symbol()); } catch (error) { return error.constructor === Error || error instanceof Error ? null : error; } });
look('foreign promise', () => (agent('x') instanceof Promise ? null : 'foreign'));
look('foreign args', () => (Object.getPrototypeOf(args) === Object.prototype ? null : 'foreign'));
return reached;
""", {"result": []}),
}


def all_scripts():
    """{name: (body, how it ends)}."""
    found = {name: (body, TIMED_OUT) for name, body in LOOPS.items()}
    found.update({name: (body, OUT_OF_MEMORY) for name, body in HEAPS.items()})
    found.update(OTHERS)
    return found
