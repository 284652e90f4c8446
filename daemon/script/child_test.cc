// workflow(): children in realms of their own (SPEC H).
#include <gtest/gtest.h>

#include "daemon/base/canonical_json.h"
#include "daemon/script/test_fixture.h"

namespace odw::script {
namespace {

class ChildTest : public HostedTest {
 protected:
  void TearDown() override { host_->End(); }

  // The settlement of a workflow() call: {name, source}.
  static WholeTurn SettleChild(uint64_t call, const std::string& body) {
    return host_->SettleJson(
        call, R"({"name":"child","source":)" +
                  JsonQuote("export const meta = { name: 'child', description: 'd' };\n" + body) +
                  "}");
  }
};

TEST_F(ChildTest, Spec_H1_H2_F3_RunsInlineAndResolvesToItsReturn) {
  WholeTurn turn = host_->Start("return await workflow('child', {n: 2})");
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).kind(), pb::WORKFLOW);
  EXPECT_EQ(turn.turn.calls(0).name(), "child");
  EXPECT_EQ(turn.turn.calls(0).args_json(), R"({"n":2})");
  turn = SettleChild(
      1, "const r = await agent('inner'); return {r, n: args.n, at: args instanceof Object}");
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).ordinal(), 2u);
  EXPECT_EQ(turn.turn.calls(0).child_path(), "w1:child");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).phase(), "▸ child");
  EXPECT_EQ(turn.Lines(pb::Line::LOG), (Strings{"▸ running dynamic workflow child"}));
  turn = host_->SettleText(2, "x");
  EXPECT_EQ(turn.Lines(pb::Line::LOG), (Strings{"▸ child done"}));
  EXPECT_EQ(turn.result(), R"({"r":"x","n":2,"at":true})");
}

TEST_F(ChildTest, Spec_H2_ArgsAreVerbatim) {
  host_->Start(
      "return [await workflow('a'), await workflow('b', null), await workflow({scriptPath: "
      "'c.js'}, 'text')]");
  SettleChild(1, "return typeof args");
  WholeTurn turn = SettleChild(2, "return args");
  EXPECT_EQ(turn.turn.calls(0).script_path(), "c.js");
  EXPECT_EQ(SettleChild(3, "return args").result(), R"(["undefined",null,"text"])");
}

TEST_F(ChildTest, Spec_O18_AChildOfAnOdwRunMayExportItsEntry) {
  pb::Start options;
  options.set_dialect(2);
  host_->Start("return [await workflow('a', {n: 1}), await workflow('b').catch((e) => e.message)]",
               options);
  SettleChild(1, "export default async (input) => [input.n, typeof odw.runId, await agent('x')]");
  host_->SettleText(2, "y");
  EXPECT_EQ(SettleChild(3, "export default (input) => { throw new Error('in ' + input) }").result(),
            R"([[1,"string","y"],"in null"])");
}

TEST_F(ChildTest, Spec_P10_P17_AChildsStackNamesItsFileAlone) {
  host_->Start("try { await workflow({scriptPath: 'sub/kid.js'}) } catch (e) { return e.stack }");
  const WholeTurn turn = host_->SettleJson(
      1,
      R"x({"name":"kid","path":"/home/somebody/sub/kid.js","source":"export const meta = {};\n  nowhere()"})x");
  EXPECT_NE(turn.result().find("kid.js:2:3"), std::string::npos) << turn.result();
  EXPECT_EQ(turn.result().find("somebody"), std::string::npos) << turn.result();
}

TEST_F(ChildTest, Spec_H4_OneLevelOnlyAndSiblingsAreFine) {
  host_->Start("return await Promise.all([workflow('a'), workflow('b')])");
  SettleChild(1,
              "try { await workflow('x') } catch (e) { await agent('wait'); return "
              "e.message.slice(0, 57) }");
  WholeTurn turn = SettleChild(2, "return 'sibling'");
  EXPECT_FALSE(turn.returned());
  EXPECT_EQ(host_->SettleText(3, "go").result(),
            R"(["workflow() cannot be called from within a child workflow ",)"
            R"("sibling"])");
}

TEST_F(ChildTest, Spec_H5_AMissingWorkflowCanBeCaught) {
  host_->Start(
      "try { await workflow('nope') } catch (e) { return [e instanceof Error, e.message] }");
  EXPECT_EQ(
      host_->SettleError(1, "workflow('nope'): no workflow with that name. Available: a").result(),
      R"([true,"workflow('nope'): no workflow with that name. Available: a"])");
}

TEST_F(ChildTest, Spec_H5_AChildCannotPretendThatItIsMissing) {
  host_->Start(
      "try { await workflow('child') } catch (e) { return e.message.includes(\"workflow('child'): "
      "no workflow\") }");
  EXPECT_EQ(
      SettleChild(1, "throw new Error(\"workflow('child'): no workflow with that name\")").result(),
      "false");
}

TEST_F(ChildTest, Spec_H6_C10_AChildsErrorIsRebuiltInTheParent) {
  host_->Start(
      "try { await workflow('child') } catch (e) { return [e instanceof TypeError, e.message, "
      "e.stack.includes('child.js:2')] }");
  EXPECT_EQ(SettleChild(1, "throw new TypeError('inner')").result(), R"([true,"inner",true])");
}

TEST_F(ChildTest, Spec_P37_ChildrenThatDoNotStartOrReturnNothing) {
  host_->Start(
      "const out = []; for (let i = 0; i < 6; i++) try { out.push(await workflow('child') ?? "
      "'none') }"
      "catch (e) { out.push(e.name + ': ' + e.message) } return out");
  SettleChild(1, "const a = = 1;");
  SettleChild(2, "throw null");
  SettleChild(3, "");
  SettleChild(4, "return () => 1");
  SettleChild(5, "const a = {}; a.a = a; return a");
  EXPECT_EQ(
      SettleChild(6, "})();(() => {").result(),
      R"(["SyntaxError: child.js:2:11: Unexpected token '='","Error: null","none","none",)"
      R"("TypeError: workflow 'child': the result cannot be written as JSON: result.a is a cycle",)"
      R"("SyntaxError: the script closes a bracket that it did not open"])");
}

TEST_F(ChildTest, Spec_P35_P37_BadReferencesAndArgsReject) {
  const WholeTurn turn = host_->Start(
      "const out = []; const a = {}; a.a = a;\n"
      "for (const f of [() => workflow(''), () => workflow(null), () => workflow(42), () => "
      "workflow({}), () => workflow([]),"
      "() => workflow('x', a), () => workflow('x', {n: 1n}), () => workflow('x', {f() {}}), () => "
      "workflow('x', () => 1),"
      "() => workflow('x', Symbol())]) try { await f(); out.push('ok') } catch (e) { out.push(e "
      "instanceof TypeError) }\n"
      "return out");
  EXPECT_EQ(turn.turn.calls_size(), 0);
  EXPECT_EQ(turn.result(), "[true,true,true,true,true,true,true,true,true,true]");
}

TEST_F(ChildTest, Spec_H7_RealmsAndPhasesDoNotLeak) {
  host_->Start(
      "phase('Mine'); globalThis.shared = 1; const r = await workflow('child'); agent('after');"
      "return [r, typeof leaked, [].leaked === undefined]");
  const WholeTurn turn = SettleChild(
      1,
      "phase('Theirs'); globalThis.leaked = 1; Array.prototype.leaked = 1; return typeof shared");
  EXPECT_EQ(turn.result(), R"(["undefined","undefined",true])");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).phase(), "Mine");
}

TEST_F(ChildTest, ScopesOfChildrenStartAnew) {
  host_->Start("await parallel([() => workflow('child'), () => workflow('child')])");
  WholeTurn turn = SettleChild(2, "await parallel([() => agent('x')])");
  EXPECT_EQ(turn.turn.calls(0).child_path(), "p1[1]/w1:child");
  EXPECT_EQ(turn.turn.calls(0).scope(), "p1[0]");
}

TEST_F(ChildTest, WhatAChildLeftPendingIsForgotten) {
  host_->Start("const r = await workflow('child'); await agent('last'); return r");
  WholeTurn turn = SettleChild(1, "agent('left'); setTimeout(() => log('never'), 5); return 1");
  ASSERT_EQ(turn.turn.calls_size(), 4);
  EXPECT_EQ(turn.turn.calls(2).kind(), pb::CANCEL_TIMER);
  EXPECT_EQ(turn.turn.calls(2).target(), 3u);
  EXPECT_EQ(host_->SettleText(2, "late").turn.lines_size(), 0);
  EXPECT_EQ(host_->SettleUndefined(3).turn.lines_size(), 0);
  EXPECT_EQ(host_->SettleText(4, "x").result(), "1");
}

TEST_F(ChildTest, AnEndlessChildEndsTheRun) {
  pb::Start options;
  options.set_turn_cpu_ms(100);
  host_->Start("await workflow('child')", options);
  EXPECT_EQ(SettleChild(1, "for (;;);").turn.thrown().category(), "timeout");
}

TEST_F(ChildTest, ManyChildrenInARowStaySmall) {
  host_->Start("for (let i = 0; i < 200; i++) await workflow('child'); return 'ok'");
  WholeTurn turn;
  for (uint64_t i = 1; i <= 200; ++i) turn = SettleChild(i, "return 1");
  EXPECT_EQ(turn.result(), "\"ok\"");
  EXPECT_LT(turn.turn.heap_used_bytes(), 64u << 20);
}

}  // namespace
}  // namespace odw::script
