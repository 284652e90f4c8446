// Log, console, budget, args and timers (SPEC F, G, I), with the ids in the names.
#include <gtest/gtest.h>

#include "daemon/script/test_fixture.h"

namespace odw::script {
namespace {

using NarrateTest = HostedTest;

TEST_F(NarrateTest, Spec_F2_P36_LogTakesAnything) {
  const WholeTurn turn = host_->Start(
      "log('a'); log('a', 1, {b: [2]}); log(undefined); log(null); log(1n); log(Symbol('s')); "
      "log();\n"
      "const c = {x: 1}; c.c = c; log(c); log(new Error('e')); log(() => 1 && 2); log([1, "
      "'two']);\n"
      "log(new Proxy({}, {get() { throw 1 }, ownKeys() { throw 1 }}));"
      "log({toString() { throw 1 }, toJSON() { throw 2 }});");
  EXPECT_EQ(turn.Lines(pb::Line::LOG),
            (Strings{"a", "a 1 {\"b\":[2]}", "undefined", "null", "1", "Symbol(s)", "",
                     "{ x: 1, c: [Circular] }", "Error: e", "() => 1 && 2", "[1,\"two\"]",
                     "[unprintable]", "{ toString: [Function], toJSON: [Function] }"}));
  host_->End();
}

TEST_F(NarrateTest, Spec_F4_ConsoleFormatsAndNeverThrows) {
  const WholeTurn turn = host_->Start(
      "console.log('%s is %d%%', 'x', 5, 'rest'); console.info({a: {b: {c: {d: {e: 1}}}}}); "
      "console.warn([1, 'a']);\n"
      "console.error(1n, Symbol('q'), undefined); const c = []; c.push(c); console.debug(c); "
      "console.table([1]);\n"
      "console.assert(true, 'no'); console.assert(false, 'yes'); console.dir(new Map()); "
      "console.time('x');\n"
      "console.log('%o', {a: 1}); console.log('%s'); console.log('100%', 1); console.log();"
      "console.group('g'); console.groupEnd();");
  EXPECT_EQ(turn.Lines(pb::Line::CONSOLE),
            (Strings{"x is 5% rest", "{ a: { b: { c: { d: [Object] } } } }", "[1, \"a\"]",
                     "1n Symbol(q) undefined", "[[Circular]]", "[1]", "Assertion failed yes",
                     "Map {}", "{ a: 1 }", "%s", "100% 1", "", "g"}));
  EXPECT_TRUE(turn.turn.thrown().message().empty()) << turn.turn.thrown().message();
  host_->End();
}

TEST_F(NarrateTest, Spec_F5_AFloodOfLogLinesIsCut) {
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

TEST_F(NarrateTest, Spec_G1_G2_G5_BudgetWithoutATotal) {
  EXPECT_EQ(
      Eval("return [budget.total, budget.spent(), budget.remaining() === Infinity, typeof budget]"),
      R"([null,0,true,"object"])");
}

TEST_F(NarrateTest, Spec_G3_G7_P34_SpentFollowsTheSettlements) {
  pb::Start options;
  options.set_budget_total(1000);
  host_->Start(
      "const seen = []; for (let i = 0; i < 2; i++) { await agent('x'); seen.push(budget.spent(), "
      "budget.remaining()) }\n"
      "budget.total = 1e9; let strict; (() => { 'use strict'; try { budget.total = 5 } catch (e) { "
      "strict = e.name } })();\n"
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

TEST_F(NarrateTest, Spec_I1_I2_P35_ArgsAreVerbatim) {
  EXPECT_EQ(Eval("return [typeof args, args?.x === undefined]"), R"(["undefined",true])");
  for (const char* json :
       {"null", "\"\"", "0", "false", R"("{\"a\":1}")", R"({"a":[1,{"é":"ü"}]})", "1e+21"}) {
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

TEST_F(NarrateTest, Spec_P38_TimersAreCalls) {
  WholeTurn turn = host_->Start(
      "const seen = []; const add = (...a) => seen.push(a);\n"
      "const ids = [setTimeout(add, 5, 'a', 'b'), setTimeout(add, -1), setTimeout(add, NaN), "
      "setTimeout(add, '7'),"
      " setTimeout(add), setTimeout(add, Infinity)];\n"
      "clearTimeout(ids[1]); clearTimeout(ids[1]); clearTimeout(undefined); clearTimeout(999); "
      "clearTimeout({});\n"
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
  EXPECT_EQ(turn.Lines(pb::Line::WARNING),
            (Strings{"setTimeout callback failed: Error: in timer"}));
  turn = host_->SettleUndefined(2);  // cancelled: it is too late to fire
  EXPECT_EQ(host_->SettleUndefined(8).result(), R"([["a","b"]])");
  host_->End();
  EXPECT_EQ(Eval("try { setTimeout('agent(1)') } catch (e) { return e.name }"), "\"TypeError\"");
}

TEST_F(NarrateTest, TimersKeepTheirScope) {
  host_->Start("await parallel([() => new Promise(r => setTimeout(() => r(agent('x')), 1))])");
  const WholeTurn turn = host_->SettleUndefined(1);
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).scope(), "p1[0]");
  host_->End();
}

}  // namespace
}  // namespace odw::script
