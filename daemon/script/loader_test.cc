// --load: what makes a script valid (SPEC B and P1 to P11), with the ids in the names.
#include <gtest/gtest.h>

#include "daemon/script/test_tool.h"

namespace odw::script {
namespace {

constexpr uint32_t kDetect = 0, kBuiltin = 1, kOdw = 2;
const char kMeta[] = "export const meta = { name: 'n', description: 'd' };\n";

class LoaderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { tool_ = new TestTool<pb::LoadRequest, pb::LoadReply>("--load"); }
  static void TearDownTestSuite() { delete tool_; }

  static pb::LoadReply Load(const std::string& source, uint32_t dialect = kDetect) {
    pb::LoadRequest request;
    request.set_source(source);
    request.set_script_name("flow.js");
    request.set_dialect(dialect);
    return tool_->Ask(request);
  }
  static pb::LoadReply LoadBody(const std::string& body) { return Load(kMeta + body); }
  // "3:7 message", of the first error.
  static std::string FirstError(const pb::LoadReply& reply) {
    for (const pb::Problem& problem : reply.problems()) {
      if (problem.warning()) continue;
      return std::to_string(problem.line()) + ":" + std::to_string(problem.column()) + " " +
             problem.message();
    }
    return "";
  }
  static void ExpectAccepted(const std::string& source, uint32_t dialect = kDetect) {
    EXPECT_EQ(FirstError(Load(source, dialect)), "") << source.substr(0, 300);
  }
  static void ExpectRefused(const std::string& source, const std::string& error) {
    const pb::LoadReply reply = Load(source);
    EXPECT_FALSE(reply.ok()) << source.substr(0, 300);
    EXPECT_EQ(FirstError(reply).substr(0, error.size()), error) << source.substr(0, 300);
  }

  static TestTool<pb::LoadRequest, pb::LoadReply>* tool_;
};
TestTool<pb::LoadRequest, pb::LoadReply>* LoaderTest::tool_ = nullptr;

TEST_F(LoaderTest, Spec_B2_ReadsMeta) {
  const pb::LoadReply reply = Load(
      "// comment\n\nexport const meta = { name: 'a', description: `b`, phases: [{title: 'P'}] };");
  EXPECT_TRUE(reply.ok());
  EXPECT_EQ(reply.name(), "a");
  EXPECT_EQ(reply.description(), "b");
  EXPECT_EQ(reply.meta_json(), R"({"name":"a","description":"b","phases":[{"title":"P"}]})");
  EXPECT_EQ(reply.dialect(), kBuiltin);
}

TEST_F(LoaderTest, Spec_M3_ABadBodyLeavesTheWorkflowItsNameAndABadMetaDoesNot) {
  for (const char* source :
       {"export const meta = {name: 'a', description: 'd'};\nreturn = 1;",
        "#!/usr/bin/env odw\n// c\n'use strict';\nexport const meta = {name: 'a', description: 'd'}\n}",
        "export const meta = {name: 'a', description: 'd'};\nimport fs from 'fs';"}) {
    const pb::LoadReply reply = Load(source);
    EXPECT_FALSE(reply.ok()) << source;
    EXPECT_EQ(reply.name(), "a") << source;
    EXPECT_EQ(reply.description(), "d") << source;
  }
  for (const char* source : {"export const meta = {name: 'a' + 1, description: 'd'};\nreturn = 1;",
                             "export const meta = {name: 'a', description: 'd';\nreturn 1;",
                             "let x;\nexport const meta = {name: 'a', description: 'd'};\nreturn 1;",
                             "export const meta = {name: 'a'};\nreturn = 1;", "return = 1;", "/*"}) {
    const pb::LoadReply reply = Load(source);
    EXPECT_FALSE(reply.ok()) << source;
    EXPECT_EQ(reply.name(), "") << source;
  }
}

TEST_F(LoaderTest, Spec_P1_P2_P3_WordsInTextAndPropertiesAreNotCode) {
  ExpectAccepted(std::string("// export const meta = {\n/* import('x') */\n") + kMeta);
  for (const char* body :
       {"const a = 'import(\"x\")', b = `require(1) export default`, c = /eval\\(|import\\(/;",
        "const o = {import: 1, export: 2}; o.import; o.export;",
        "const o = { import(x) { return x } }; return o.import(1);",
        "outer: for (;;) { break outer; }", "// eval(\nreturn 1 // import("}) {
    ExpectAccepted(std::string(kMeta) + body);
  }
}

TEST_F(LoaderTest, Spec_P4_ImportsAndExportsAreRefusedWithTheirPlace) {
  const std::string meta = kMeta;
  ExpectRefused(meta + "await import('fs')", "2:7 import() is not available");
  ExpectRefused(meta + "im\\u0070ort('fs')", "2:1 ");
  ExpectRefused(meta + "return import.meta.url", "2:8 import.meta is not available");
  ExpectRefused(meta + "import x from 'y'", "2:1 import is not available");
  ExpectRefused(meta + "const fs = require('fs')", "2:12 require() is not available");
  ExpectRefused(meta + "if (typeof require === 'function') require('fs')", "2:36 require() is not");
  ExpectAccepted(meta + "const require = (x) => x; return [require(1), args.require(2), typeof module]");
  ExpectAccepted(meta + "return typeof require");
  ExpectRefused("import x from 'y'\n" + meta, "2:1 Invalid workflow script");
  ExpectRefused(meta + "export const b = 1", "2:1 a workflow script exports nothing but meta");
  ExpectRefused(meta + "const c = 1; export { c }", "2:14 a workflow script exports nothing");
  ExpectRefused(meta + "function f() { import x from 'y' }", "2:16 ");
}

TEST_F(LoaderTest, Spec_P5_MetaIsAPureLiteral) {
  const auto with = [](const std::string& part) {
    return "export const meta = { name: 'n', description: 'd', " + part + " };";
  };
  for (const char* part :
       {"a: `plain`", "a: -1", "a: [null, true, {b: [1]}],", "'q r': 1", "1: 2"}) {
    ExpectAccepted(with(part));
  }
  for (const char* part : {"a: `x${1}`", "a: 'a' + 'b'", "a: x", "a: f()", "...o", "[k]: 1",
                           "get a() { return 1 }", "a() {}", "a", "a: [...b]", "a: /x/", "a: 1n",
                           "a: new Date(0)", "a: !1", "a: () => 1", "a: {b: c}"}) {
    ExpectRefused(with(part), "1:");
    EXPECT_NE(FirstError(Load(with(part))).find("meta must be a pure literal"), std::string::npos)
        << part;
  }
}

TEST_F(LoaderTest, Spec_B4_ReservedAndRepeatedKeysAreRefused) {
  ExpectRefused("export const meta = { name: 'n', description: 'd', constructor: 1 };",
                "1:52 meta must be a pure literal: reserved key name not allowed in meta: "
                "constructor");
  ExpectRefused("export const meta = { name: 'n', description: 'd', __proto__: null };", "1:52 ");
  ExpectRefused("export const meta = { name: 'n', 'name': 'm', description: 'd' };",
                "1:34 meta has the key 'name' twice");
}

TEST_F(LoaderTest, Spec_P6_MetaHasItsShape) {
  ExpectRefused("export const meta = { description: 'd' };", "1:21 meta.name must be");
  ExpectRefused("export const meta = { name: 'n', description: '' };", "1:21 meta.description");
  ExpectRefused("export const meta = { name: 1, description: 'd' };", "1:21 meta.name must be");
  ExpectRefused("export const meta = { name: 'n', description: 'd', phases: 'x' };",
                "1:21 meta.phases must be an array");
  ExpectRefused("export const meta = { name: 'n', description: 'd', phases: [{title: 1}] };",
                "1:21 meta.phases[0].title must be a string");
}

TEST_F(LoaderTest, Spec_P7_MetaIsTheFirstStatementAConstAndExported) {
  const std::string literal = "meta = { name: 'n', description: 'd' };";
  ExpectRefused("let " + literal, "1:1 Invalid workflow script");
  ExpectRefused("var " + literal, "1:1 Invalid workflow script");
  ExpectRefused("export let " + literal, "1:1 Invalid workflow script");
  ExpectRefused("const x = 1;\nexport const " + literal, "2:1 Invalid workflow script");
  ExpectRefused("const " + literal + "\nexport { meta }", "1:1 Invalid workflow script");
  ExpectAccepted("'use strict';\nexport const " + literal);
  ExpectAccepted("'use strict'\nexport const " + literal + "\nreturn 1");
}

TEST_F(LoaderTest, Spec_P8_NothingAndTooMuchAreRefused) {
  for (const char* source : {"", "  \n ", "// only a comment"}) {
    ExpectRefused(source, "1:1 Invalid workflow script");
  }
  std::string most = kMeta;
  most += "//" + std::string(524288 - most.size() - 2, 'x');
  ExpectAccepted(most);
  ExpectRefused(most + "x", "1:1 the script is 524289 characters long; the limit is 524288");
  ExpectRefused(std::string(kMeta) + std::string("a\0b", 3), "2:2 ");
  ExpectRefused(std::string(kMeta) + "x = '\xff'", "2:6 the script is not UTF-8 here");
  ExpectRefused(std::string(kMeta) + "x = '\xed\xa0\x80'", "2:6 the script is not UTF-8 here");
  ExpectAccepted(std::string(kMeta) +
                 "const s = 'a\xE2\x80\xA8"
                 "b';");
}

TEST_F(LoaderTest, Spec_P9_LineEndsMarksAndUnbalancedBrackets) {
  ExpectAccepted("export const meta = { name: 'n', description: 'd' };\r\nreturn 1;\r\n");
  ExpectAccepted("// c\rexport const meta = { name: 'n', description: 'd' };\rreturn 1;");
  ExpectAccepted(std::string("\xEF\xBB\xBF") + kMeta + "return 1");
  ExpectAccepted(std::string("#!/usr/bin/env odw\n") + kMeta + "return 1 // end");
  // What nobody sees in an editor is named.
  ExpectRefused(std::string("\xEF\xBB\xBF#!/usr/bin/env odw\n") + kMeta + "return 1",
                "1:3 Unexpected character '!': a #! line must be the first bytes of the file");
  ExpectRefused(std::string(kMeta) + "return 1;" + '\0', "2:10 Unexpected character 'U+0000'");
  ExpectRefused(std::string(kMeta) + "return 1 /* open", "2:10 Unterminated comment");
  ExpectRefused(std::string(kMeta) + "}", "2:1 Unexpected token");
  ExpectRefused(std::string(kMeta) + "})();(()=>{", "2:1 Unexpected token");
}

TEST_F(LoaderTest, Spec_B10_SaysWhereAndShowsTheLine) {
  const pb::LoadReply reply = LoadBody("const a = 1;\nconst b = = 2;\n");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(FirstError(reply), "3:11 Unexpected token");
  EXPECT_EQ(reply.problems(0).source_line(), "const b = = 2;");
}

TEST_F(LoaderTest, Spec_B15_AMinifiedLineLoadsAndItsExcerptIsShort) {
  std::string line = kMeta;
  line.pop_back();
  for (int i = 0; i < 2000; ++i) line += "const a" + std::to_string(i) + "=1;";
  ExpectAccepted(line);
  const pb::LoadReply reply = Load(line + "const x = = 1;");
  EXPECT_LE(reply.problems(0).source_line().size(), 200u);
  EXPECT_NE(reply.problems(0).source_line().find("const x = ="), std::string::npos);
}

TEST_F(LoaderTest, Spec_P11_TheBodyIsAnAsyncFunctions) {
  for (const char* body :
       {"if (1) { return 2 }", "for await (const x of []) {}", "await (async () => {})();",
        "g(); function g() {} function g() {}", "return arguments.length", "return new.target",
        "return this", "a: for (;;) { continue a; }", "var x = 010; delete x;",
        "class A { static { this.b = 1; } }", "with ({}) {}"}) {
    ExpectAccepted(std::string(kMeta) + body);
  }
  ExpectRefused(std::string(kMeta) + "let a; let a;",
                "2:12 Identifier 'a' has already been declared");
}

TEST_F(LoaderTest, Spec_B1_TypeScriptDoesNotParse) {
  ExpectRefused(std::string(kMeta) + "const a: number = 1;", "2:8 Unexpected token");
}

TEST_F(LoaderTest, WhatV8CannotRunIsRefusedWithItsPlace) {
  ExpectRefused(std::string(kMeta) + "\nconst r = /[a--b]/v;", "3:11 ");
  ExpectRefused(std::string(kMeta) + "return /(/;", "2:9 Invalid regular expression");
}

TEST_F(LoaderTest, Spec_C6_ClocksAndChanceAreWarnings) {
  const pb::LoadReply reply =
      LoadBody("try { Date.now(); new Date(); Math.random(); Date() } catch {}\n'Date.now()';");
  EXPECT_TRUE(reply.ok());
  EXPECT_EQ(reply.problems_size(), 4);
  for (const pb::Problem& problem : reply.problems()) EXPECT_TRUE(problem.warning());
}

TEST_F(LoaderTest, Spec_O_DialectIsOdwWhereOnlyTheOriginalCouldRunIt) {
  EXPECT_EQ(LoadBody("return fanout([], x => x)").dialect(), kOdw);
  EXPECT_EQ(LoadBody("return input.x").dialect(), kOdw);
  EXPECT_EQ(LoadBody("return agent('x', {runtime: 'codex'})").dialect(), kOdw);
  EXPECT_EQ(LoadBody("return agent('x', {mockValue: 1})").dialect(), kOdw);
  EXPECT_EQ(LoadBody("const input = 1; return input").dialect(), kBuiltin);
  EXPECT_EQ(LoadBody("function f(input) { return input.x } return f({input: 1}).input").dialect(),
            kBuiltin);
  EXPECT_EQ(LoadBody("return typeof input").dialect(), kBuiltin);
  EXPECT_EQ(Load("export const meta = { name: 'n', description: 'd', dialect: 'odw' };").dialect(),
            kOdw);
  EXPECT_EQ(Load(std::string(kMeta) + "return input", kBuiltin).dialect(), kBuiltin);
}

TEST_F(LoaderTest, Spec_C6_ADateOfTheScriptsOwnIsNoWarning) {
  const pb::LoadReply reply = LoadBody(
      "const Date = {now() { return 1 }}, Math = {random() {}}; Date.now(); Math.random();"
      "return new (class { now() {} }); function f() { 'Math.random()' } /Date.now()/;");
  EXPECT_EQ(reply.problems_size(), 0);
  EXPECT_EQ(LoadBody("return Date?.now() + Date['now']() + Math.random`x`").problems_size(), 2);
  EXPECT_EQ(LoadBody("return [Date[now], new Date(0), Date.UTC(1), Math.max(1)]").problems_size(),
            0);
}

TEST_F(LoaderTest, Spec_O_EveryOdwOptionAndNameCounts) {
  for (const char* option : {"runtime", "provider", "bambooProvider", "nodeId", "nodeType",
                             "schemaDescription", "outputDescription", "maxAttempts", "retry",
                             "permission", "mock", "mockError", "'mock-x'"}) {
    EXPECT_EQ(LoadBody(std::string("agent('x', {...{}, ") + option + ": 1})").dialect(), kOdw)
        << option;
  }
  for (const char* name : {"promptSlot", "checkpoint", "fanout", "pandacode", "odw", "input"}) {
    EXPECT_EQ(LoadBody(std::string("return () => ") + name + ".x").dialect(), kOdw) << name;
    EXPECT_EQ(LoadBody(std::string("const {x: ") + name + "} = args; return " + name).dialect(),
              kBuiltin)
        << name;
    EXPECT_EQ(
        LoadBody(std::string("return args.") + name + " + {" + name + ": 1}." + name).dialect(),
        kBuiltin)
        << name;
  }
  for (const char* body :
       {"agent('x', {label: 'l', model: 'm', id: 1})", "agent('x', {[runtime]: 1})",
        "other('x', {runtime: 1})", "parallel([], {runtime: 1})",
        "const agent = (p, o) => o; agent('x', {runtime: 1})", "'input'; `input`; /input/"}) {
    EXPECT_EQ(LoadBody(body).dialect(), kBuiltin) << body;
  }
  EXPECT_EQ(Load("export const meta = { name: 'n', description: 'd', dialect: 'builtin' }; input")
                .dialect(),
            kBuiltin);
  // A meta that will not do is still one.
  EXPECT_EQ(Load("let meta = { name: 'n', description: 'd' };").dialect(), kBuiltin);
  EXPECT_EQ(Load("return 1").dialect(), kOdw);
}

TEST_F(LoaderTest, Spec_O17_OdwIsLenientAboutMeta) {
  for (const char* source :
       {"return agent('x')",
        "const a = 1; export const meta = { name: 'n', description: 'd' }; return a",
        "export const meta = { name: 'a' + 'b', description: f() }; function f() {}",
        "export let meta = {};", "const meta = 5; return meta",
        "export const meta = { name: 'n', phases: 'x' };"}) {
    const pb::LoadReply reply = Load(source, kOdw);
    EXPECT_TRUE(reply.ok()) << source << ": " << FirstError(reply);
    ASSERT_EQ(reply.problems_size(), 1) << source;
    EXPECT_TRUE(reply.problems(0).warning());
  }
  EXPECT_TRUE(Load("return 1").ok());
}

TEST_F(LoaderTest, Spec_O18_TheEntryIsNamed) {
  const struct {
    const char* source;
    const char* entry;
  } cases[] = {{"export default async function (input) {}", "default"},
               {"export default async (input) => 1", "default"},
               {"const f = 1; export default f", "default"},
               {"export async function workflow(input) {}", "workflow"},
               {"export function workflow(input) {} export default () => 1", "default"},
               {"return 'export default function'", ""}};
  for (const auto& [source, entry] : cases) {
    for (const std::string& meta : {std::string(), std::string(kMeta)}) {
      const pb::LoadReply reply = Load(meta + source, kOdw);
      EXPECT_TRUE(reply.ok()) << source << ": " << FirstError(reply);
      EXPECT_EQ(reply.entry(), entry) << source;
      if (*entry != '\0') {
        EXPECT_EQ(Load(meta + source).dialect(), kOdw) << source;
      }
    }
  }
  ExpectRefused("export default 5", "1:1 the entry must be a function");
  ExpectRefused("export default class {}", "1:1 the entry must be a function");
  ExpectRefused("export default function* () {}", "1:1 the entry must not be a generator");
  ExpectRefused("export default () => 1\nexport const b = 1",
                "2:1 an odw script exports nothing but");
  ExpectRefused("export default () => 1\nexport * from 'x'",
                "2:1 an odw script exports nothing but");
  ExpectRefused("import x from 'y'; export default () => x", "1:1 import is not available");
  ExpectRefused("export default () => 1\n}", "2:1 Unexpected token");
  EXPECT_EQ(FirstError(Load(std::string(kMeta) + "export default () => 1", kBuiltin)).substr(0, 3),
            "2:1");
  // A module has no return of its own.
  ExpectRefused("if (input) { return 1 }\nexport default () => 1",
                "1:14 return is not available beside an exported entry");
  ExpectAccepted(
      "const f = () => { return 1 }; class A { m() { return 2 } }\nexport default () => f()");
}

TEST_F(LoaderTest, TheSameScriptIsAnsweredAgainTheSame) {
  const pb::LoadReply first = LoadBody("return 12345");
  const pb::LoadReply second = LoadBody("return 12345");
  EXPECT_EQ(first.meta_json(), second.meta_json());
  EXPECT_NE(first.id(), second.id());
}

TEST_F(LoaderTest, DeepNestingIsAnErrorNotACrash) {
  ExpectRefused(std::string(kMeta) + "return " + std::string(100000, '('), "2:");
  std::string sum = std::string(kMeta) + "return 0";
  for (int i = 0; i < 2000; ++i) sum += "+1";
  ExpectAccepted(sum);
}

}  // namespace
}  // namespace odw::script
