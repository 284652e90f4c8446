// What a script finds and what it does (SPEC C to I), item by item, with the ids in the names. Each
// case is a script as a string, run by the real binary.
#include <gtest/gtest.h>

#include <map>

#include "daemon/script/test_host.h"

namespace odw::script {
namespace {

class SurfaceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    zygote_ = new TestZygote;
    host_ = new TestHost(zygote_);
  }
  static void TearDownTestSuite() {
    delete host_;
    delete zygote_;
  }

  static std::string Eval(const std::string& body, pb::Start options = {}) {
    return host_->Evaluate(body, std::move(options));
  }
  // Runs the body, settles every agent call with its prompt ("!x" rejects with Error x), timers
  // when they are asked for, until it ends. The result's JSON or what it threw.
  static std::string Drive(const std::string& body, pb::Start options = {}) {
    WholeTurn turn = host_->Start(body, std::move(options));
    lines_.clear();
    std::vector<pb::Call> waiting;
    for (;;) {
      for (const pb::Line& line : turn.turn.lines()) lines_.push_back(line.text());
      for (const pb::Call& call : turn.turn.calls()) waiting.push_back(call);
      if (turn.turn.end_case() != pb::Turn::END_NOT_SET) break;
      if (waiting.empty()) {
        host_->End();
        return "waits for ever";
      }
      const pb::Call call = waiting.front();
      waiting.erase(waiting.begin());
      if (call.kind() != pb::AGENT) {
        turn = host_->SettleUndefined(call.ordinal());
        continue;
      }
      const std::string prompt = RequestOf(call).prompt();
      turn = prompt[0] == '!' ? host_->SettleError(call.ordinal(), prompt.substr(1))
                              : host_->SettleText(call.ordinal(), prompt);
    }
    host_->End();
    if (turn.returned()) return turn.result();
    return "threw " + turn.turn.thrown().name() + ": " + turn.turn.thrown().message();
  }

  static TestZygote* zygote_;
  static TestHost* host_;
  static std::vector<std::string> lines_;  // of the last Drive
};
TestZygote* SurfaceTest::zygote_ = nullptr;
TestHost* SurfaceTest::host_ = nullptr;
std::vector<std::string> SurfaceTest::lines_;

using Strings = std::vector<std::string>;

// ---- B: the body

TEST_F(SurfaceTest, Spec_B7_P12_ScriptsMayDeclareTheInjectedNames) {
  EXPECT_EQ(Eval("const agent = 1, args = 2; let log = 3; var phase = 4; class budget {}\n"
                 "function parallel() { return 5 } return [agent, args, log, phase, parallel()]"),
            "[1,2,3,4,5]");
  EXPECT_EQ(Eval("const input = 1; return input"), "1");
}

TEST_F(SurfaceTest, Spec_B8_MetaIsReadable) { EXPECT_EQ(Eval("return meta.name"), "\"flow\""); }

TEST_F(SurfaceTest, Spec_P9_P10_PlacesAreTheFiles) {
  EXPECT_EQ(Eval("\n\n  nowhere();"), "threw ReferenceError: nowhere is not defined");
  WholeTurn turn = host_->Start("\n  nowhere();");
  EXPECT_NE(turn.turn.thrown().stack().find("flow.js:3:3"), std::string::npos)
      << turn.turn.thrown().stack();
  host_->End();
  turn = host_->StartSource("export const meta = {}; nowhere();");
  EXPECT_NE(turn.turn.thrown().stack().find("flow.js:1:25"), std::string::npos)
      << turn.turn.thrown().stack();
  host_->End();
}

TEST_F(SurfaceTest, Spec_P9_SourcesOfEveryShapeRun) {
  const std::string meta = "export const meta = { name: 'n', description: 'd' };";
  for (const std::string& source :
       {meta + "return 7 // end", meta + "\r\nreturn 7\r\n", "// c\r" + meta + "\rreturn 7",
        "\xEF\xBB\xBF" + meta + "return 7", "#!/usr/bin/env odw\n" + meta + "return 7",
        "\xEF\xBB\xBF#!/bin/odw\n" + meta + "return 7", "'use strict';\n" + meta + "return 7",
        "/* export */ // export\n'use strict'\n" + meta + "\nreturn 7;",
        "\xE2\x80\xA8\xC2\xA0" + meta + "return 7"}) {
    EXPECT_EQ(host_->StartSource(source).result(), "7") << source;
    host_->End();
  }
}

TEST_F(SurfaceTest, Spec_P9_ABodyCannotLeaveItsFunction) {
  for (const char* body : {"}", "})();(()=>{", "}, function() {", "});agent('x');(async function(){",
                           "return 1 }); (async () => {", "/*", "`", "${", "}/*"}) {
    const WholeTurn turn = host_->Start(body);
    EXPECT_EQ(turn.turn.thrown().name(), "SyntaxError") << body;
    EXPECT_EQ(turn.turn.calls_size(), 0) << body;
    host_->End();
  }
}

TEST_F(SurfaceTest, SyntaxErrorsSayWhere) {
  EXPECT_EQ(Eval("const a = = 1"), "threw SyntaxError: flow.js:2:11: Unexpected token '='");
}

TEST_F(SurfaceTest, Spec_P11_TheBodyIsAnAsyncFunctions) {
  EXPECT_EQ(Eval("if (true) { return Promise.resolve(1) }"), "1");
  EXPECT_EQ(Eval("let s = 0; for await (const x of [1, Promise.resolve(2)]) s += x; return s"), "3");
  EXPECT_EQ(Eval("return [f(), arguments.length, new.target === undefined]; function f() { return 1 }"),
            "[1,0,true]");
  EXPECT_EQ(Eval("outer: for (const a of [1, 2]) { for (;;) { continue outer } } return typeof this"),
            "\"object\"");
  EXPECT_EQ(Eval("class A { static x; static { this.x = 2 } } return A.x"), "2");
  EXPECT_EQ(host_->StartSource("'use strict'\nexport const meta = {};"
                               "return (function () { return this === undefined })()")
                .result(),
            "true");
  host_->End();
}

// ---- C: what is there

TEST_F(SurfaceTest, Spec_C1_TheGlobals) {
  EXPECT_EQ(Eval("return [agent, parallel, pipeline, phase, log, workflow, setTimeout, clearTimeout]"
                 ".map(f => typeof f).join() + typeof budget + typeof console + typeof globalThis"),
            "\"function,function,function,function,function,function,function,functionobjectobjectobject\"");
  EXPECT_EQ(Eval("return [agent.name, parallel.name, pipeline.name]"),
            R"(["agent","parallel","pipeline"])");
}

TEST_F(SurfaceTest, Spec_C2_P17_WhatIsNotThere) {
  EXPECT_EQ(Eval("return ['require','process','module','exports','fetch','Buffer','fs','setInterval',"
                 "'setImmediate','queueMicrotask','structuredClone','URL','TextEncoder','crypto',"
                 "'WebAssembly','SharedArrayBuffer','Atomics','WeakRef','FinalizationRegistry',"
                 "'performance','Temporal','input','gc','print','load','__odwHost','host','bundle',"
                 "'prelude','internals','__core-js_shared__','__dirname']"
                 ".filter(n => n in globalThis)"),
            "[]");
}

TEST_F(SurfaceTest, Spec_P43_TheLanguageIsCurrent) {
  EXPECT_EQ(Eval("return [[3, 1].toSorted(), [1, 2].toReversed(), [1, 2, 3].with(0, 9),"
                 "[1, 2, 3].toSpliced(1, 1), [1, 2].findLast(x => x < 2), [1].at(-1)]"),
            "[[1,3],[2,1],[9,2,3],[1,3],1,1]");
  EXPECT_EQ(Eval("return [Object.groupBy([1, 2, 3], x => x % 2 ? 'o' : 'e'),"
                 "Map.groupBy([1, 2], x => x).size, [...new Set([1, 2]).union(new Set([3]))],"
                 "new Set([1]).isSubsetOf(new Set([1, 2]))]"),
            R"([{"o":[1,3],"e":[2]},2,[1,2,3],true])");
  EXPECT_EQ(Eval("const {promise, resolve} = Promise.withResolvers(); resolve(4);"
                 "return [await promise, await Array.fromAsync([Promise.resolve(1)]),"
                 "await Promise.try(() => 5), [1, 2].values().map(x => x * 2).toArray(),"
                 "Iterator.from([7]).toArray(), 'a\\ud800'.isWellFormed()]"),
            "[4,[1],5,[2,4],[7],false]");
  EXPECT_EQ(Eval("function* g() { yield* [1, 2, 3] } async function* h() { yield 4 }\n"
                 "const out = [...g()]; for await (const x of h()) out.push(x);"
                 "return [out, 2n ** 64n + '', String.raw`a\\n`, {a: {b: 1}}?.a?.b ?? 0]"),
            R"([[1,2,3,4],"18446744073709551616","a\\n",1])");
}

TEST_F(SurfaceTest, Spec_P18_LocaleAndTimeZoneAreFixed) {
  EXPECT_EQ(Eval("return [new Date(0).getTimezoneOffset(), Intl.DateTimeFormat().resolvedOptions().timeZone,"
                 "Intl.DateTimeFormat().resolvedOptions().locale, (1234.5).toLocaleString(),"
                 "new Date(0).toLocaleString(), new Date(0).toString()]"),
            R"([0,"UTC","en-US","1,234.5","1/1/1970, 12:00:00 AM",)"
            R"x("Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"])x");
}

TEST_F(SurfaceTest, Spec_C11_P23_UnhandledRejectionsAreWarnings) {
  const WholeTurn turn = host_->Start("Promise.reject(new Error('lost')); void agent();"
                                      "const late = Promise.reject(1); await null; late.catch(() => 0);"
                                      "return 'done'");
  EXPECT_EQ(turn.result(), "\"done\"");
  const Strings lines = turn.Lines(pb::Line::WARNING);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "unhandled rejection: Error: lost");
  EXPECT_EQ(lines[1].substr(0, 41), "unhandled rejection: TypeError: agent() n");
  host_->End();
  EXPECT_EQ(Eval("for (let i = 0; i < 5000; i++) Promise.reject(i); return 1"), "1");
}

TEST_F(SurfaceTest, Spec_C12_P41_ResultsAreJson) {
  const struct {
    const char* expression;
    const char* json;
  } cases[] = {
      {"", "null"}, {"null", "null"}, {"0", "0"}, {"''", "\"\""}, {"NaN", "null"}, {"-0", "0"},
      {"Infinity", "null"}, {"Symbol()", "null"}, {"() => 1", "null"}, {"new Map([[1, 2]])", "{}"},
      {"new Set([1])", "{}"}, {"new Date(0)", "\"1970-01-01T00:00:00.000Z\""}, {"new Error('x')", "{}"},
      {"new (class A { b = 1 })()", R"({"b":1})"}, {"{toJSON() { return 5 }}", "5"},
      {"new Uint8Array([1, 2])", R"({"0":1,"1":2})"}, {"Promise.resolve(3)", "3"},
      {"{then(f) { f(4) }}", "4"}, {"[1,,2]", "[1,null,2]"}, {"'\\ud800'", R"("\ud800")"},
      {"{a: undefined, b: () => 1, c: {d: NaN}}", R"({"c":{"d":null}})"},
      {"new Proxy({a: 1}, {})", R"({"a":1})"}, {"'\\u0000é\\u2028'", "\"\\u0000é\xE2\x80\xA8\""},
  };
  for (const auto& [expression, json] : cases) {
    EXPECT_EQ(Eval(std::string("return ") + expression), json) << expression;
  }
  EXPECT_EQ(Eval("let o = 1; for (let i = 0; i < 1000; i++) o = [o]; return o").size(), 2001u);
}

TEST_F(SurfaceTest, Spec_C12_WhatIsNotSerialisableSaysWhere) {
  const auto thrown = [](const std::string& body) {
    const pb::Thrown thrown = host_->Start(body).turn.thrown();
    host_->End();
    EXPECT_EQ(thrown.category(), "result_not_serializable") << body;
    return thrown.message();
  };
  EXPECT_EQ(thrown("const a = {list: [1, {}]}; a.list[1].up = a; return a"),
            "the result cannot be written as JSON: result.list[1].up is a cycle");
  EXPECT_EQ(thrown("return {n: [1n]}"), "the result cannot be written as JSON: result.n[0] is a BigInt");
  EXPECT_EQ(thrown("return 1n"), "the result cannot be written as JSON: result is a BigInt");
  EXPECT_EQ(thrown("return {get a() { throw new Error('no') }}"),
            "the result cannot be written as JSON: Error: no");
  EXPECT_EQ(thrown("return {toJSON() { throw 1 }}"), "the result cannot be written as JSON: 1");
}

TEST_F(SurfaceTest, Spec_C12_AResultTooLargeIsNamed) {
  pb::Start options;
  options.set_result_bytes_max(1000);
  const pb::Thrown thrown = host_->Start("return 'x'.repeat(1000)", options).turn.thrown();
  EXPECT_EQ(thrown.category(), "result_too_large");
  EXPECT_NE(thrown.message().find("1002 bytes"), std::string::npos) << thrown.message();
  host_->End();
}

TEST_F(SurfaceTest, Spec_L2_P42_WhatIsThrownIsTold) {
  EXPECT_EQ(Eval("throw new TypeError('t')"), "threw TypeError: t");
  EXPECT_EQ(Eval("class Mine extends Error { name = 'Mine' } throw new Mine('m')"), "threw Mine: m");
  EXPECT_EQ(Eval("throw 'text'"), "threw : text");
  EXPECT_EQ(Eval("throw null"), "threw : null");
  EXPECT_EQ(Eval("throw undefined"), "threw : undefined");
  EXPECT_EQ(Eval("throw {a: 1}"), "threw : { a: 1 }");
  EXPECT_EQ(Eval("throw {get message() { throw 1 }}"), "threw : { message: [unprintable] }");
  EXPECT_EQ(Eval("const e = new Error('x'); Object.defineProperty(e, 'message', {get() { throw 1 }}); throw e"),
            "threw Error: ");
  EXPECT_EQ(Eval("await Promise.any([Promise.reject(new Error('a'))])"),
            "threw AggregateError: All promises were rejected\n  [0] Error: a");
  EXPECT_EQ(Eval("return await Promise.reject()"), "threw : undefined");
  EXPECT_EQ(Eval("try { throw 1 } finally { throw new Error('finally') }"), "threw Error: finally");
  const pb::Thrown thrown =
      host_->Start("throw new Error('outer', {cause: new Error('inner')})").turn.thrown();
  EXPECT_NE(thrown.stack().find("caused by: Error: inner"), std::string::npos);
  host_->End();
}

TEST_F(SurfaceTest, Spec_P17_StacksShowTheScriptAlone) {
  const pb::Thrown thrown =
      host_->Start("await parallel([() => { throw new Error('x') }]);\n"
                   "await parallel([async () => 1]).then(() => { throw new Error('late') })")
          .turn.thrown();
  EXPECT_EQ(thrown.stack().find("odw:"), std::string::npos) << thrown.stack();
  EXPECT_EQ(thrown.stack().find("/work"), std::string::npos) << thrown.stack();
  EXPECT_NE(thrown.stack().find("flow.js:3"), std::string::npos) << thrown.stack();
  host_->End();
  EXPECT_EQ(Eval("Error.prepareStackTrace = (e, sites) => sites.map(s => s.getThis() === undefined ||"
                 " s.getThis() === globalThis);\n"
                 "let inner; const r = await parallel([() => { inner = new Error('x').stack; }]);\n"
                 "return [Array.isArray(inner), inner.every(Boolean)]"),
            "[true,true]");
}

// ---- D: agent

TEST_F(SurfaceTest, Spec_D1_TextStaysText) { EXPECT_EQ(Drive("return await agent('{\"a\":1}')"), R"("{\"a\":1}")"); }

TEST_F(SurfaceTest, Spec_D5_OptionsReachTheCall) {
  const WholeTurn turn = host_->Start(
      "phase('P'); agent('p', {label: 'L', model: 'opus', runtime: 'command', provider: 'pr', effort: 'high',"
      "agentType: 'Explore', isolation: 'worktree', schema: {type: 'object', properties: {b: {}, a: {}}},"
      "command: 'wc', args: ['-l', 5], cwd: '/tmp', timeoutMs: 1500.7, tools: ['Read', 'Grep'],"
      "permission: 'plan', schemaDescription: 'sd', zeta: 1, alpha: {y: 1, x: [2]}, fn() {}, u: undefined,"
      "big: 1n, sym: Symbol()});");
  ASSERT_EQ(turn.turn.calls_size(), 1);
  const pb::AgentRequest request = RequestOf(turn.turn.calls(0));
  EXPECT_EQ(request.prompt(), "p");
  EXPECT_EQ(request.label(), "L");
  EXPECT_EQ(request.phase(), "P");
  EXPECT_EQ(request.model(), "opus");
  EXPECT_EQ(request.runtime(), "command");
  EXPECT_EQ(request.provider(), "pr");
  EXPECT_EQ(request.effort(), "high");
  EXPECT_EQ(request.agent_type(), "Explore");
  EXPECT_EQ(request.isolation(), "worktree");
  EXPECT_EQ(request.schema_json(), R"({"properties":{"a":{},"b":{}},"type":"object"})");
  EXPECT_EQ(request.command(), "wc");
  ASSERT_EQ(request.args_size(), 2);
  EXPECT_EQ(request.args(1), "5");
  EXPECT_EQ(request.cwd(), "/tmp");
  EXPECT_EQ(request.timeout_ms(), 1500u);
  ASSERT_EQ(request.tools_size(), 2);
  EXPECT_EQ(request.tools(0), "Read");
  EXPECT_EQ(request.permission(), "plan");
  EXPECT_EQ(request.schema_description(), "sd");
  EXPECT_EQ(request.options_json(), R"({"alpha":{"x":[2],"y":1},"zeta":1})");
  host_->End();
}

TEST_F(SurfaceTest, Spec_D6_F1_PhaseIsTheCallsOrTheCurrentOne) {
  const WholeTurn turn = host_->Start(
      "agent('0'); phase('A'); agent('1'); agent('2', {phase: 'B'}); agent('3'); return phase('A')");
  Strings phases;
  for (const pb::Call& call : turn.turn.calls()) phases.push_back(RequestOf(call).phase());
  EXPECT_EQ(phases, (Strings{"", "A", "B", "A"}));
  EXPECT_EQ(turn.Lines(pb::Line::PHASE), (Strings{"A", "A"}));
  EXPECT_EQ(turn.result(), "null");
  host_->End();
}

TEST_F(SurfaceTest, Spec_D12_IsolationsThatDoNotExist) {
  EXPECT_EQ(Eval("try { await agent('x', {isolation: 'remote'}) } catch (e) { return e.message }"),
            "\"agent({isolation:'remote'}) is not available in this build\"");
  const WholeTurn turn = host_->Start("agent('x', {isolation: 'moon'}); agent('y', {isolation: undefined})");
  EXPECT_EQ(turn.turn.calls_size(), 2);
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).isolation(), "");
  EXPECT_EQ(turn.Lines(pb::Line::WARNING).size(), 1u);
  host_->End();
}

TEST_F(SurfaceTest, Spec_D13_P19_OptionsOfEveryShape) {
  const WholeTurn turn = host_->Start(
      "for (const o of [undefined, null, 5, 'text', [], new Map(), true, Object.freeze({}),"
      "{_predispatch: 1}]) agent('x', o); return 1");
  EXPECT_EQ(turn.turn.calls_size(), 9);
  host_->End();
  EXPECT_EQ(Eval("let reads = 0; agent('x', {get label() { reads++; return 'l' }}); return reads"), "1");
  EXPECT_EQ(Eval("let traps = 0; agent('x', new Proxy({label: 'a'}, {get(t, k) { traps++; return t[k] }}));"
                 "return traps"),
            "1");
  EXPECT_EQ(Eval("try { await agent('x', {get model() { throw new Error('mine') }}) } catch (e) { return e.message }"),
            "\"mine\"");
  EXPECT_EQ(Eval("try { await agent('x', new Proxy({}, {ownKeys() { throw new Error('trap') }})) }"
                 "catch (e) { return e.message }"),
            "\"trap\"");
}

TEST_F(SurfaceTest, Spec_D17_P20_PromptsOfEveryShape) {
  const auto prompt = [](const std::string& expression) {
    const WholeTurn turn = host_->Start("await agent(" + expression + ")");
    host_->End();
    if (turn.turn.calls_size() == 1) return RequestOf(turn.turn.calls(0)).prompt();
    return "threw " + turn.turn.thrown().name();
  };
  EXPECT_EQ(prompt(""), "threw TypeError");
  EXPECT_EQ(prompt("undefined"), "threw TypeError");
  EXPECT_EQ(prompt("null"), "threw TypeError");
  EXPECT_EQ(prompt("Symbol()"), "threw TypeError");
  EXPECT_EQ(prompt("Object.create(null)"), "threw TypeError");
  EXPECT_EQ(prompt("''"), "");
  EXPECT_EQ(prompt("['a', 'b']"), "a,b");
  EXPECT_EQ(prompt("5"), "5");
  EXPECT_EQ(prompt("{}"), "[object Object]");
  EXPECT_EQ(prompt("'é\\u{1F600}\\u05d0'"), "é😀א");
  EXPECT_EQ(prompt("'a\\u0000b'"), std::string("a\0b", 3));
  EXPECT_EQ(prompt("'a\\ud800b'"), "a\xEF\xBF\xBD" "b");
  EXPECT_EQ(prompt("'x'.repeat(1e7)").size(), 10000000u);
  EXPECT_EQ(prompt("'x'.repeat(17 * 1024 * 1024)"), "threw RangeError");
}

TEST_F(SurfaceTest, Spec_P24_SchemasThatAreNone) {
  for (const char* schema : {"true", "1", "[]", "() => 1", "{toJSON() {}}", "{a: 1n}"}) {
    const std::string body = std::string("try { await agent('x', {schema: ") + schema +
                             "}) } catch (e) { return e.name }";
    EXPECT_EQ(Eval(body), "\"TypeError\"") << schema;
  }
  EXPECT_EQ(Eval("const s = {type: 'object'}; s.self = s;"
                 "try { await agent('x', {schema: s}) } catch (e) { return e.message.slice(0, 52) }"),
            "\"agent({schema}): the schema is not plain JSON: TypeE\"");
  const WholeTurn turn = host_->Start("agent('x', {schema: Object.freeze({type: 'string'})}); agent('y', {schema: {}})");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).schema_json(), R"({"type":"string"})");
  EXPECT_EQ(RequestOf(turn.turn.calls(1)).schema_json(), "{}");
  host_->End();
}

TEST_F(SurfaceTest, Spec_P21_ThePromiseIsTheRealmsOwn) {
  EXPECT_EQ(Drive("const p = agent('a'); return [p instanceof Promise, p.constructor === Promise,"
                  "await p === await p, await p.finally(() => 0)]"),
            "[true,true,true,\"a\"]");
  EXPECT_EQ(Drive("return [await Promise.all([agent('a'), agent('b')]),"
                  "await Promise.race([agent('c'), agent('d')]),"
                  "(await Promise.allSettled([agent('!e')]))[0].reason.message,"
                  "await Promise.any([agent('!f'), agent('g')])]"),
            R"([["a","b"],"c","e","g"])");
}

TEST_F(SurfaceTest, Spec_C10_P16_WhatComesBackIsTheRealmsOwn) {
  const WholeTurn turn = host_->Start(
      "const r = []; const own = x => x instanceof Object;\n"
      "const a = await agent('1'); r.push(own(a), Array.isArray(a.list), a.list.constructor === Array);\n"
      "try { await agent('2') } catch (e) { r.push(e instanceof TypeError, e instanceof Error, e.message, e.code,"
      "e.constructor === TypeError, Object.keys(e).length) }\n"
      "try { await agent('3') } catch (e) { r.push(e instanceof Error, e.name, String(e)) }\n"
      "try { await agent('x', {isolation: 'remote'}) } catch (e) { r.push(e instanceof Error) }\n"
      "try { await parallel(1) } catch (e) { r.push(e instanceof TypeError) }\n"
      "r.push(own(args), own(budget), own(await parallel([])), own(parallel([])));\n"
      "return r",
      [] {
        pb::Start options;
        options.set_args_json("{}");
        return options;
      }());
  ASSERT_EQ(turn.turn.calls_size(), 1);
  host_->SettleJson(1, R"({"list":[1]})");
  pb::ToHost message = host_->NewSettle(2);
  message.mutable_settle()->mutable_rejection()->set_name("TypeError");
  message.mutable_settle()->mutable_rejection()->set_message("bad");
  message.mutable_settle()->mutable_rejection()->set_code("E_BAD");
  host_->Send(message);
  host_->ReceiveTurn();
  message = host_->NewSettle(3);
  message.mutable_settle()->mutable_rejection()->set_name("BudgetError");
  message.mutable_settle()->mutable_rejection()->set_message("spent");
  host_->Send(message);
  EXPECT_EQ(host_->ReceiveTurn().result(),
            R"([true,true,true,true,true,"bad","E_BAD",true,0,true,"BudgetError","BudgetError: spent",)"
            R"(true,true,true,true,true,true])");
  host_->End();
}

TEST_F(SurfaceTest, Spec_P24_ProtoInAValueIsAnOwnProperty) {
  host_->Start("const v = await agent('x');"
               "return [Object.keys(v), v.polluted === undefined, {}.polluted === undefined]");
  EXPECT_EQ(host_->SettleJson(1, R"({"__proto__":{"polluted":1}})").result(),
            R"([["__proto__"],true,true])");
  host_->End();
}

TEST_F(SurfaceTest, Spec_P22_P23_CallsNobodyAwaitsAreSent) {
  const WholeTurn turn = host_->Start("agent('left'); Promise.resolve().then(() => agent('later')); return 1");
  EXPECT_EQ(turn.turn.calls_size(), 2);
  EXPECT_EQ(turn.result(), "1");
  host_->End();
}

// ---- E: parallel and pipeline

TEST_F(SurfaceTest, Spec_E1_ParallelKeepsItsOrder) {
  host_->Start("return await parallel([() => agent('a'), () => agent('b'), async () => 'c', () => 4])");
  host_->SettleText(2, "B");
  EXPECT_EQ(host_->SettleText(1, "A").result(), R"(["A","B","c",4])");
  host_->End();
  EXPECT_EQ(Eval("return await parallel([])"), "[]");
}

TEST_F(SurfaceTest, Spec_E2_E3_FailuresAreNullWithALine) {
  EXPECT_EQ(Drive("return await parallel([() => agent('a'), () => agent('!boom'),"
                  "() => { throw new Error('sync') }, async () => { throw null }])"),
            "[\"a\",null,null,null]");
  EXPECT_EQ(lines_, (Strings{"parallel[2] failed: Error: sync", "parallel[3] failed: null",
                             "parallel[1] failed: Error: boom"}));
}

TEST_F(SurfaceTest, Spec_E4_P29_WhatIsNoListOfFunctionsRejects) {
  for (const char* value : {"new Set()", "'text'", "null", "undefined", "{length: 1}", "5",
                            "(function* () {})()"}) {
    EXPECT_EQ(Eval(std::string("let m; try { await parallel(") + value +
                   ") } catch (e) { m = [e.name, e.message.slice(0, 42)] } return m"),
              R"(["TypeError","parallel() expects an array of functions, "])")
        << value;
  }
  const WholeTurn turn = host_->Start(
      "const bad = []; for (const list of [[agent('a')], [() => agent('never'), 5], [, () => 1], [null]])"
      "await parallel(list).catch(e => bad.push(e.message)); return bad");
  EXPECT_EQ(turn.turn.calls_size(), 1);
  EXPECT_NE(turn.result().find("not promises. Wrap each call: () => agent(...)"), std::string::npos);
  EXPECT_NE(turn.result().find("element 1 is number"), std::string::npos);
  EXPECT_NE(turn.result().find("element 0 is undefined"), std::string::npos);
  host_->End();
}

TEST_F(SurfaceTest, Spec_E5_P29_ThunksReturnWhatTheyLike) {
  EXPECT_EQ(Eval("const r = await parallel([() => undefined, () => 0, () => ({then(f) { f(1); f(2) }}),"
                 "() => ({get then() { throw new Error('then') }}), i => i, () => Promise.resolve(6)]);"
                 "return [0 in r, r[0] === undefined, r.slice(1)]"),
            "[true,true,[0,1,null,4,6]]");
  EXPECT_EQ(Eval("const p = Promise.resolve(1); return parallel([() => p, () => p])"), "[1,1]");
}

TEST_F(SurfaceTest, Spec_E6_ListsHaveALimit) {
  pb::Start options;
  options.set_list_length_max(10);
  EXPECT_EQ(Eval("return (await parallel(Array(10).fill(() => 1))).length", options), "10");
  EXPECT_EQ(Eval("let n = 0; try { await parallel(Array(11).fill(() => n++)) } catch (e) { return [n, e.name] }",
                 options),
            R"([0,"RangeError"])");
  EXPECT_EQ(Eval("try { await pipeline(Array(11).fill(1), x => x) } catch (e) { return e.message }", options),
            "\"pipeline() was given 11 items; the limit is 10 (list_length_max). "
            "Split the list into several calls.\"");
  EXPECT_EQ(Eval("return (await parallel(Array(4096).fill(() => 1))).length"), "4096");
  EXPECT_EQ(Eval("try { await parallel(Array(4097).fill(() => 1)) } catch (e) { return e.name }"),
            "\"RangeError\"");
}

TEST_F(SurfaceTest, Spec_E7_ThunksStartAtOnceInOrder) {
  EXPECT_EQ(Eval("const seen = []; const p = parallel([() => seen.push(1), async () => seen.push(2), () => seen.push(3)]);"
                 "const now = seen.slice(); await p; return now"),
            "[1,2,3]");
  EXPECT_EQ(Eval("const list = [() => { list.push(() => 9); return 1 }]; return await parallel(list)"), "[1]");
}

TEST_F(SurfaceTest, Spec_E8_P33_PipelinesDoNotWaitForEachOther) {
  WholeTurn turn = host_->Start("return await pipeline(['a', 'b'], x => agent('1' + x), x => agent('2' + x))");
  EXPECT_EQ(turn.turn.calls_size(), 2);
  turn = host_->SettleText(2, "B");  // item b goes on while item a is in its first stage
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).prompt(), "2B");
  EXPECT_EQ(turn.turn.calls(0).scope(), "p1[1]/s1");
  host_->SettleText(3, "BB");
  host_->SettleText(1, "A");
  EXPECT_EQ(host_->SettleText(4, "AA").result(), R"(["AA","BB"])");
  host_->End();
}

TEST_F(SurfaceTest, Spec_E9_StagesGetPreviousItemAndIndex) {
  EXPECT_EQ(Eval("const seen = []; await pipeline(['x', 'y'], (p, item, i) => { seen.push([p, item, i]); return i },"
                 "async (p, item, i) => { seen.push([p, item, i]) }); return seen"),
            R"([["x","x",0],["y","y",1],[0,"x",0],[1,"y",1]])");
}

TEST_F(SurfaceTest, Spec_E10_P30_AFailingStageDropsTheItem) {
  EXPECT_EQ(Eval("let later = 0; const r = await pipeline([1, 2], x => { if (x === 1) throw new Error('boom-stage'); return x },"
                 "x => { later++; return x * 10 }); return [r, later]"),
            "[[null,20],1]");
  EXPECT_EQ(Drive("return await pipeline(['!no', 'yes'], x => agent(x))"), "[null,\"yes\"]");
  EXPECT_EQ(lines_, (Strings{"pipeline[0] failed: Error: no"}));
}

TEST_F(SurfaceTest, Spec_E11_NullPassesOn) {
  EXPECT_EQ(Eval("return await pipeline([1], () => null, x => [x], () => undefined, x => x === undefined,"
                 "() => 0, x => [x], () => '', x => [x], () => false, x => [x])"),
            "[[false]]");
}

TEST_F(SurfaceTest, Spec_E12_NoStagesNoChange) {
  EXPECT_EQ(Eval("return [await pipeline([1, null]), await pipeline([]), await pipeline([], x => x)]"),
            "[[1,null],[],[]]");
}

TEST_F(SurfaceTest, Spec_E13_WhatIsNoListOrStageRejects) {
  EXPECT_EQ(Eval("try { await pipeline(Promise.resolve([])) } catch (e) { return [e.name, e.message] }"),
            R"(["TypeError","pipeline() expects an array as the first argument, not an object: await the promise first"])");
  EXPECT_EQ(Eval("let n = 0; try { await pipeline([1], () => n++, undefined) } catch (e) { return [n, e.name, e.message] }"),
            R"([0,"TypeError","pipeline() stages must be functions: stage 2 is undefined"])");
}

TEST_F(SurfaceTest, Spec_E14_CombinatorsNest) {
  EXPECT_EQ(Drive("return await pipeline([1, 2], x => parallel([() => agent('a' + x), () => pipeline([x], y => agent('b' + y))]))"),
            R"([["a1",["b1"]],["a2",["b2"]]])");
}

TEST_F(SurfaceTest, Spec_E15_ResultsArePlainArrays) {
  EXPECT_EQ(Eval("const r = await parallel([() => [1], () => null]);"
                 "return [Array.isArray(r), Object.getPrototypeOf(r) === Array.prototype, r.flat(), r.filter(Boolean).length]"),
            "[true,true,[1,null],1]");
}

TEST_F(SurfaceTest, Spec_P30_LongSynchronousPipelinesDoNotOverflow) {
  EXPECT_EQ(Eval("const stages = Array(10).fill(x => x + 1);"
                 "return (await pipeline(Array(4096).fill(0), ...stages)).every(x => x === 10)"),
            "true");
}

TEST_F(SurfaceTest, ScopesFollowTheStructure) {
  WholeTurn turn = host_->Start(
      "agent('top');\n"
      "await parallel([async () => { await null; agent('a'); await parallel([() => agent('b')]); },\n"
      "  () => pipeline([0, 1], x => agent('c' + x), async x => { await Promise.resolve(); return agent('d') })]);\n"
      "agent('top again'); await parallel([() => agent('e')]);");
  std::map<std::string, std::string> scopes;
  const auto note = [&scopes](const WholeTurn& turn) {
    for (const pb::Call& call : turn.turn.calls()) scopes[RequestOf(call).prompt()] = call.scope();
  };
  note(turn);
  const size_t first = scopes.size();
  EXPECT_EQ(first, 5u);
  for (uint64_t call = 1; call <= 5; ++call) note(host_->SettleText(call, "x"));
  for (uint64_t call = 6; call <= 7; ++call) note(host_->SettleText(call, "x"));
  EXPECT_EQ(scopes["top"], "");
  EXPECT_EQ(scopes["a"], "p1[0]");
  EXPECT_EQ(scopes["b"], "p1[0]/p1[0]");
  EXPECT_EQ(scopes["c0"], "p1[1]/p1[0]/s0");
  EXPECT_EQ(scopes["c1"], "p1[1]/p1[1]/s0");
  EXPECT_EQ(scopes["d"].substr(0, 9), "p1[1]/p1[");
  EXPECT_EQ(scopes["top again"], "");
  EXPECT_EQ(scopes["e"], "p2[0]");
  host_->End();
}

// ---- F: narration

TEST_F(SurfaceTest, Spec_F2_P36_LogTakesAnything) {
  const WholeTurn turn = host_->Start(
      "log('a'); log('a', 1, {b: [2]}); log(undefined); log(null); log(1n); log(Symbol('s')); log();\n"
      "const c = {x: 1}; c.c = c; log(c); log(new Error('e')); log(() => 1 && 2); log([1, 'two']);\n"
      "log(new Proxy({}, {get() { throw 1 }, ownKeys() { throw 1 }}));"
      "log({toString() { throw 1 }, toJSON() { throw 2 }});");
  EXPECT_EQ(turn.Lines(pb::Line::LOG),
            (Strings{"a", "a 1 {\"b\":[2]}", "undefined", "null", "1", "Symbol(s)", "",
                     "{ x: 1, c: [Circular] }", "Error: e", "() => 1 && 2", "[1,\"two\"]",
                     "[unprintable]", "{ toString: [Function], toJSON: [Function] }"}));
  host_->End();
}

TEST_F(SurfaceTest, Spec_F4_ConsoleFormatsAndNeverThrows) {
  const WholeTurn turn = host_->Start(
      "console.log('%s is %d%%', 'x', 5, 'rest'); console.info({a: {b: {c: {d: {e: 1}}}}}); console.warn([1, 'a']);\n"
      "console.error(1n, Symbol('q'), undefined); const c = []; c.push(c); console.debug(c); console.table([1]);\n"
      "console.assert(true, 'no'); console.assert(false, 'yes'); console.dir(new Map()); console.time('x');\n"
      "console.log('%o', {a: 1}); console.log('%s'); console.log('100%', 1); console.log();"
      "console.group('g'); console.groupEnd();");
  EXPECT_EQ(turn.Lines(pb::Line::CONSOLE),
            (Strings{"x is 5% rest", "{ a: { b: { c: { d: [Object] } } } }", "[1, \"a\"]",
                     "1n Symbol(q) undefined", "[[Circular]]", "[1]", "Assertion failed yes", "Map {}",
                     "{ a: 1 }", "%s", "100% 1", "", "g"}));
  EXPECT_TRUE(turn.turn.thrown().message().empty()) << turn.turn.thrown().message();
  host_->End();
}

TEST_F(SurfaceTest, Spec_F5_AFloodOfLogLinesIsCut) {
  pb::Start options;
  options.set_log_lines_max(100);
  WholeTurn turn = host_->Start("for (let i = 0; i < 1e5; i++) log(i); return 1", options);
  EXPECT_EQ(turn.turn.lines_size(), 101);
  EXPECT_NE(turn.turn.lines(100).text().find("suppressed"), std::string::npos);
  EXPECT_EQ(turn.result(), "1");
  host_->End();
  turn = host_->Start("log('x'.repeat(1e7)); log('y'); return 1");
  EXPECT_LT(turn.turn.lines(0).text().size(), 70000u);
  EXPECT_NE(turn.turn.lines(0).text().find("(10000000 characters)"), std::string::npos);
  EXPECT_EQ(turn.turn.lines(1).text(), "y");
  host_->End();
  turn = host_->Start("for (let i = 0; i < 100; i++) log('x'.repeat(60000)); return 1");
  EXPECT_LT(turn.turn.ByteSizeLong(), 1200000u);
  host_->End();
}

// ---- G: budget

TEST_F(SurfaceTest, Spec_G1_G2_G5_BudgetWithoutATotal) {
  EXPECT_EQ(Eval("return [budget.total, budget.spent(), budget.remaining() === Infinity, typeof budget]"),
            R"([null,0,true,"object"])");
}

TEST_F(SurfaceTest, Spec_G3_G7_P34_SpentFollowsTheSettlements) {
  pb::Start options;
  options.set_budget_total(1000);
  host_->Start("const seen = []; for (let i = 0; i < 2; i++) { await agent('x'); seen.push(budget.spent(), budget.remaining()) }\n"
               "budget.total = 1e9; let strict; (() => { 'use strict'; try { budget.total = 5 } catch (e) { strict = e.name } })();\n"
               "return [seen, budget.total, strict, JSON.stringify(budget), typeof {...budget}.spent]",
               options);
  pb::ToHost settle = host_->NewSettle(1);
  settle.mutable_settle()->set_text("t");
  settle.mutable_settle()->set_budget_spent(300);
  host_->Send(settle);
  host_->ReceiveTurn();
  settle = host_->NewSettle(2);
  settle.mutable_settle()->set_text("t");
  settle.mutable_settle()->set_budget_spent(1200);
  host_->Send(settle);
  EXPECT_EQ(host_->ReceiveTurn().result(),
            R"([[300,700,1200,0],1000,"TypeError","{\"total\":1000}","function"])");
  host_->End();
}

// ---- I: args

TEST_F(SurfaceTest, Spec_I1_I2_P35_ArgsAreVerbatim) {
  EXPECT_EQ(Eval("return [typeof args, args?.x === undefined]"), R"(["undefined",true])");
  for (const char* json : {"null", "\"\"", "0", "false", R"("{\"a\":1}")", R"({"a":[1,{"é":"ü"}]})", "1e+21"}) {
    pb::Start options;
    options.set_args_json(json);
    EXPECT_EQ(Eval("return args", options), json);
  }
  pb::Start options;
  options.set_args_json(R"({"__proto__":{"x":1}})");
  EXPECT_EQ(Eval("args.y = 2; return [Object.keys(args), args.x === undefined]", options),
            R"([["__proto__","y"],true])");
  const std::string deep = std::string(10000, '[') + std::string(10000, ']');
  options.set_args_json(deep);
  EXPECT_EQ(Eval("let n = 0; for (let a = args; a; a = a[0]) n++; return n", options), "10000");
}

// ---- Timers

TEST_F(SurfaceTest, Spec_P38_TimersAreCalls) {
  WholeTurn turn = host_->Start(
      "const seen = []; const add = (...a) => seen.push(a);\n"
      "const ids = [setTimeout(add, 5, 'a', 'b'), setTimeout(add, -1), setTimeout(add, NaN), setTimeout(add, '7'),"
      " setTimeout(add), setTimeout(add, Infinity)];\n"
      "clearTimeout(ids[1]); clearTimeout(ids[1]); clearTimeout(undefined); clearTimeout(999); clearTimeout({});\n"
      "setTimeout(() => { throw new Error('in timer') }, 1);\n"
      "await new Promise(r => setTimeout(r, 10)); return seen");
  std::vector<double> delays;
  for (const pb::Call& call : turn.turn.calls()) {
    if (call.kind() == pb::TIMER) delays.push_back(call.delay_ms());
  }
  EXPECT_EQ(delays, (std::vector<double>{5, 0, 0, 7, 0, 1e12, 1, 10}));
  ASSERT_EQ(turn.turn.calls_size(), 9);
  EXPECT_EQ(turn.turn.calls(6).kind(), pb::CANCEL_TIMER);
  EXPECT_EQ(turn.turn.calls(6).target(), 2u);
  EXPECT_EQ(turn.turn.calls(6).ordinal(), 0u);
  EXPECT_EQ(turn.turn.calls(8).ordinal(), 8u);
  host_->SettleUndefined(1);
  turn = host_->SettleUndefined(7);
  EXPECT_EQ(turn.Lines(pb::Line::WARNING), (Strings{"setTimeout callback failed: Error: in timer"}));
  turn = host_->SettleUndefined(2);  // cancelled: it is too late to fire
  EXPECT_EQ(host_->SettleUndefined(8).result(), R"([["a","b"]])");
  host_->End();
  EXPECT_EQ(Eval("try { setTimeout('agent(1)') } catch (e) { return e.name }"), "\"TypeError\"");
}

TEST_F(SurfaceTest, TimersKeepTheirScope) {
  host_->Start("await parallel([() => new Promise(r => setTimeout(() => r(agent('x')), 1))])");
  const WholeTurn turn = host_->SettleUndefined(1);
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).scope(), "p1[0]");
  host_->End();
}

}  // namespace
}  // namespace odw::script
