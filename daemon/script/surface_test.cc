// What a script finds, how it is read and how it ends (SPEC B and C), with the ids in the names.
#include <gtest/gtest.h>

#include "daemon/script/test_fixture.h"

namespace odw::script {
namespace {

using SurfaceTest = HostedTest;

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
  for (const char* body :
       {"}", "})();(()=>{", "}, function() {", "});agent('x');(async function(){",
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
  EXPECT_EQ(Eval("let s = 0; for await (const x of [1, Promise.resolve(2)]) s += x; return s"),
            "3");
  EXPECT_EQ(
      Eval("return [f(), arguments.length, new.target === undefined]; function f() { return 1 }"),
      "[1,0,true]");
  EXPECT_EQ(
      Eval("outer: for (const a of [1, 2]) { for (;;) { continue outer } } return typeof this"),
      "\"object\"");
  EXPECT_EQ(Eval("class A { static x; static { this.x = 2 } } return A.x"), "2");
  EXPECT_EQ(host_
                ->StartSource("'use strict'\nexport const meta = {};"
                              "return (function () { return this === undefined })()")
                .result(),
            "true");
  host_->End();
}

TEST_F(SurfaceTest, Spec_C1_TheGlobals) {
  EXPECT_EQ(
      Eval("return [agent, parallel, pipeline, phase, log, workflow, setTimeout, clearTimeout]"
           ".map(f => typeof f).join() + typeof budget + typeof console + typeof globalThis"),
      "\"function,function,function,function,function,function,function,"
      "functionobjectobjectobject\"");
  EXPECT_EQ(Eval("return [agent.name, parallel.name, pipeline.name]"),
            R"(["agent","parallel","pipeline"])");
}

TEST_F(SurfaceTest, Spec_C2_P17_WhatIsNotThere) {
  EXPECT_EQ(
      Eval("return ['require','process','module','exports','fetch','Buffer','fs','setInterval',"
           "'setImmediate','queueMicrotask','structuredClone','URL','TextEncoder','crypto',"
           "'WebAssembly','SharedArrayBuffer','Atomics','WeakRef','FinalizationRegistry',"
           "'performance','Temporal','input','gc','print','load','__odwHost','host','bundle',"
           "'prelude','internals','__core-js_shared__','__dirname']"
           ".filter(n => n in globalThis)"),
      "[]");
}

TEST_F(SurfaceTest, Spec_P18_LocaleAndTimeZoneAreFixed) {
  EXPECT_EQ(Eval("return [new Date(0).getTimezoneOffset(), "
                 "Intl.DateTimeFormat().resolvedOptions().timeZone,"
                 "Intl.DateTimeFormat().resolvedOptions().locale, (1234.5).toLocaleString(),"
                 "new Date(0).toLocaleString(), new Date(0).toString()]"),
            R"([0,"UTC","en-US","1,234.5","1/1/1970, 12:00:00 AM",)"
            R"x("Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"])x");
}

TEST_F(SurfaceTest, Spec_C11_P23_UnhandledRejectionsAreWarnings) {
  const WholeTurn turn = host_->Start(
      "Promise.reject(new Error('lost')); void agent();"
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

TEST_F(SurfaceTest, Spec_C11_ARejectionThatIsHandledLaterIsNoWarning) {
  host_->Start(
      "const a = agent('a'), b = agent('b'); await a; try { await b } catch (e) { return e.message "
      "}");
  EXPECT_EQ(host_->SettleError(2, "early").turn.lines_size(), 0);
  const WholeTurn turn = host_->SettleText(1, "x");
  EXPECT_EQ(turn.result(), "\"early\"");
  EXPECT_EQ(turn.turn.lines_size(), 0);
  host_->End();
}

TEST_F(SurfaceTest, Spec_C12_P41_ResultsAreJson) {
  const struct {
    const char* expression;
    const char* json;
  } cases[] = {
      {"", "null"},
      {"null", "null"},
      {"0", "0"},
      {"''", "\"\""},
      {"NaN", "null"},
      {"-0", "0"},
      {"Infinity", "null"},
      {"Symbol()", "null"},
      {"() => 1", "null"},
      {"new Map([[1, 2]])", "{}"},
      {"new Set([1])", "{}"},
      {"new Date(0)", "\"1970-01-01T00:00:00.000Z\""},
      {"new Error('x')", "{}"},
      {"new (class A { b = 1 })()", R"({"b":1})"},
      {"{toJSON() { return 5 }}", "5"},
      {"new Uint8Array([1, 2])", R"({"0":1,"1":2})"},
      {"Promise.resolve(3)", "3"},
      {"{then(f) { f(4) }}", "4"},
      {"[1,,2]", "[1,null,2]"},
      {"'\\ud800'", R"("\ud800")"},
      {"{a: undefined, b: () => 1, c: {d: NaN}}", R"({"c":{"d":null}})"},
      {"new Proxy({a: 1}, {})", R"({"a":1})"},
      {"'\\u0000é\\u2028'", "\"\\u0000é\xE2\x80\xA8\""},
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
  EXPECT_EQ(thrown("return {n: [1n]}"),
            "the result cannot be written as JSON: result.n[0] is a BigInt");
  EXPECT_EQ(thrown("return 1n"), "the result cannot be written as JSON: result is a BigInt");
  EXPECT_EQ(thrown("return {get a() { throw new Error('no') }}"),
            "the result cannot be written as JSON: result.a cannot be read: Error: no");
  EXPECT_EQ(thrown("return {b: {toJSON() { throw 1 }}}"),
            "the result cannot be written as JSON: result.b.toJSON threw 1");
  EXPECT_EQ(thrown("return {a: [Object(1n)]}"),
            "the result cannot be written as JSON: result.a[0] is a BigInt");
  EXPECT_EQ(thrown("return [{toJSON() { return {c: 2n} }}]"),
            "the result cannot be written as JSON: result[0].c is a BigInt");
  EXPECT_EQ(thrown("const a = {}; a.toJSON = () => ({b: a}); return a").substr(0, 55),
            "the result cannot be written as JSON: RangeError: Maxim");
  EXPECT_EQ(thrown("return {a: new Proxy({}, {ownKeys() { throw new Error('no') }})}"),
            "the result cannot be written as JSON: result.a cannot be read: Error: no");
  EXPECT_EQ(thrown("return {m: new Map(), l: [1, {n: 1n}]}"),
            "the result cannot be written as JSON: result.l[1].n is a BigInt");
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
  EXPECT_EQ(Eval("class Mine extends Error { name = 'Mine' } throw new Mine('m')"),
            "threw Mine: m");
  EXPECT_EQ(Eval("throw 'text'"), "threw : text");
  EXPECT_EQ(Eval("throw null"), "threw : null");
  EXPECT_EQ(Eval("throw undefined"), "threw : undefined");
  EXPECT_EQ(Eval("throw {a: 1}"), "threw : { a: 1 }");
  EXPECT_EQ(Eval("throw {get message() { throw 1 }}"), "threw : { message: [unprintable] }");
  EXPECT_EQ(Eval("const e = new Error('x'); Object.defineProperty(e, 'message', {get() { throw 1 "
                 "}}); throw e"),
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
      host_
          ->Start(
              "await parallel([() => { throw new Error('x') }]);\n"
              "await parallel([async () => 1]).then(() => { throw new Error('late') })")
          .turn.thrown();
  EXPECT_EQ(thrown.stack().find("odw:"), std::string::npos) << thrown.stack();
  EXPECT_EQ(thrown.stack().find("/work"), std::string::npos) << thrown.stack();
  EXPECT_NE(thrown.stack().find("flow.js:3"), std::string::npos) << thrown.stack();
  host_->End();
  EXPECT_EQ(
      Eval("Error.prepareStackTrace = (e, sites) => sites.map(s => s.getThis() === undefined ||"
           " s.getThis() === globalThis);\n"
           "let inner; const r = await parallel([() => { inner = new Error('x').stack; }]);\n"
           "return [Array.isArray(inner), inner.every(Boolean)]"),
      "[true,true]");
}

TEST_F(SurfaceTest, Spec_P35_P41_TenThousandLevelsPassThroughJson) {
  const std::string deep = std::string(10000, '[') + std::string(10000, ']');
  pb::Start options;
  options.set_args_json(deep);
  EXPECT_EQ(Eval("return args", options), deep);
  const WholeTurn turn = host_->Start("await workflow('x', args)", options);
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).args_json(), deep);
  host_->End();
  EXPECT_EQ(Eval("let o = 1; for (let i = 0; i < 1e6; i++) o = [o]; return o").substr(0, 60),
            "threw TypeError: the result cannot be written as JSON: Range");
  EXPECT_EQ(Eval("try { (function f() { f() })() } catch (e) { return e.name }"), "\"RangeError\"");
}

}  // namespace
}  // namespace odw::script
