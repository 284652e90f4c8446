// parallel() and pipeline() (SPEC E), with the ids in the names.
#include <gtest/gtest.h>

#include <map>

#include "daemon/script/test_fixture.h"

namespace odw::script {
namespace {

using CombinatorsTest = HostedTest;

TEST_F(CombinatorsTest, Spec_E1_ParallelKeepsItsOrder) {
  host_->Start(
      "return await parallel([() => agent('a'), () => agent('b'), async () => 'c', () => 4])");
  host_->SettleText(2, "B");
  EXPECT_EQ(host_->SettleText(1, "A").result(), R"(["A","B","c",4])");
  host_->End();
  EXPECT_EQ(Eval("return await parallel([])"), "[]");
}

TEST_F(CombinatorsTest, Spec_E2_E3_FailuresAreNullWithALine) {
  EXPECT_EQ(Drive("return await parallel([() => agent('a'), () => agent('!boom'),"
                  "() => { throw new Error('sync') }, async () => { throw null }])"),
            "[\"a\",null,null,null]");
  EXPECT_EQ(lines_, (Strings{"parallel[2] failed: Error: sync", "parallel[3] failed: null",
                             "parallel[1] failed: Error: boom"}));
}

TEST_F(CombinatorsTest, Spec_E4_P29_WhatIsNoListOfFunctionsRejects) {
  for (const char* value :
       {"new Set()", "'text'", "null", "undefined", "{length: 1}", "5", "(function* () {})()"}) {
    EXPECT_EQ(Eval(std::string("let m; try { await parallel(") + value +
                   ") } catch (e) { m = [e.name, e.message.slice(0, 42)] } return m"),
              R"(["TypeError","parallel() expects an array of functions, "])")
        << value;
  }
  const WholeTurn turn = host_->Start(
      "const bad = []; for (const list of [[agent('a')], [() => agent('never'), 5], [, () => 1], "
      "[null]])"
      "await parallel(list).catch(e => bad.push(e.message)); return bad");
  EXPECT_EQ(turn.turn.calls_size(), 1);
  EXPECT_NE(turn.result().find("not promises. Wrap each call: () => agent(...)"),
            std::string::npos);
  EXPECT_NE(turn.result().find("element 1 is number"), std::string::npos);
  EXPECT_NE(turn.result().find("element 0 is undefined"), std::string::npos);
  host_->End();
}

TEST_F(CombinatorsTest, Spec_E5_P29_ThunksReturnWhatTheyLike) {
  EXPECT_EQ(
      Eval("const r = await parallel([() => undefined, () => 0, () => ({then(f) { f(1); f(2) }}),"
           "() => ({get then() { throw new Error('then') }}), i => i, () => Promise.resolve(6)]);"
           "return [0 in r, r[0] === undefined, r.slice(1)]"),
      "[true,true,[0,1,null,4,6]]");
  EXPECT_EQ(Eval("const p = Promise.resolve(1); return parallel([() => p, () => p])"), "[1,1]");
}

TEST_F(CombinatorsTest, Spec_E6_ListsHaveALimit) {
  pb::Start options;
  options.set_list_length_max(10);
  EXPECT_EQ(Eval("return (await parallel(Array(10).fill(() => 1))).length", options), "10");
  EXPECT_EQ(Eval("let n = 0; try { await parallel(Array(11).fill(() => n++)) } catch (e) { return "
                 "[n, e.name] }",
                 options),
            R"([0,"RangeError"])");
  EXPECT_EQ(Eval("try { await pipeline(Array(11).fill(1), x => x) } catch (e) { return e.message }",
                 options),
            "\"pipeline() was given 11 items; the limit is 10 (list_length_max). "
            "Split the list into several calls.\"");
  EXPECT_EQ(Eval("return (await parallel(Array(4096).fill(() => 1))).length"), "4096");
  EXPECT_EQ(Eval("try { await parallel(Array(4097).fill(() => 1)) } catch (e) { return e.name }"),
            "\"RangeError\"");
}

TEST_F(CombinatorsTest, Spec_E7_ThunksStartAtOnceInOrder) {
  EXPECT_EQ(Eval("const seen = []; const p = parallel([() => seen.push(1), async () => "
                 "seen.push(2), () => seen.push(3)]);"
                 "const now = seen.slice(); await p; return now"),
            "[1,2,3]");
  EXPECT_EQ(
      Eval("const list = [() => { list.push(() => 9); return 1 }]; return await parallel(list)"),
      "[1]");
}

TEST_F(CombinatorsTest, Spec_E8_P33_PipelinesDoNotWaitForEachOther) {
  WholeTurn turn =
      host_->Start("return await pipeline(['a', 'b'], x => agent('1' + x), x => agent('2' + x))");
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

TEST_F(CombinatorsTest, Spec_E9_StagesGetPreviousItemAndIndex) {
  EXPECT_EQ(Eval("const seen = []; await pipeline(['x', 'y'], (p, item, i) => { seen.push([p, "
                 "item, i]); return i },"
                 "async (p, item, i) => { seen.push([p, item, i]) }); return seen"),
            R"([["x","x",0],["y","y",1],[0,"x",0],[1,"y",1]])");
}

TEST_F(CombinatorsTest, Spec_E10_P30_AFailingStageDropsTheItem) {
  EXPECT_EQ(Eval("let later = 0; const r = await pipeline([1, 2], x => { if (x === 1) throw new "
                 "Error('boom-stage'); return x },"
                 "x => { later++; return x * 10 }); return [r, later]"),
            "[[null,20],1]");
  EXPECT_EQ(Drive("return await pipeline(['!no', 'yes'], x => agent(x))"), "[null,\"yes\"]");
  EXPECT_EQ(lines_, (Strings{"pipeline[0] failed: Error: no"}));
}

TEST_F(CombinatorsTest, Spec_E11_NullPassesOn) {
  EXPECT_EQ(
      Eval("return await pipeline([1], () => null, x => [x], () => undefined, x => x === undefined,"
           "() => 0, x => [x], () => '', x => [x], () => false, x => [x])"),
      "[[false]]");
}

TEST_F(CombinatorsTest, Spec_E12_NoStagesNoChange) {
  EXPECT_EQ(
      Eval("return [await pipeline([1, null]), await pipeline([]), await pipeline([], x => x)]"),
      "[[1,null],[],[]]");
}

TEST_F(CombinatorsTest, Spec_E13_WhatIsNoListOrStageRejects) {
  EXPECT_EQ(
      Eval("try { await pipeline(Promise.resolve([])) } catch (e) { return [e.name, e.message] }"),
      R"(["TypeError","pipeline() expects an array as the first argument, not an object: await the promise first"])");
  EXPECT_EQ(Eval("let n = 0; try { await pipeline([1], () => n++, undefined) } catch (e) { return "
                 "[n, e.name, e.message] }"),
            R"([0,"TypeError","pipeline() stages must be functions: stage 2 is undefined"])");
}

TEST_F(CombinatorsTest, Spec_E14_CombinatorsNest) {
  EXPECT_EQ(Drive("return await pipeline([1, 2], x => parallel([() => agent('a' + x), () => "
                  "pipeline([x], y => agent('b' + y))]))"),
            R"([["a1",["b1"]],["a2",["b2"]]])");
}

TEST_F(CombinatorsTest, Spec_E15_ResultsArePlainArrays) {
  EXPECT_EQ(Eval("const r = await parallel([() => [1], () => null]);"
                 "return [Array.isArray(r), Object.getPrototypeOf(r) === Array.prototype, "
                 "r.flat(), r.filter(Boolean).length]"),
            "[true,true,[1,null],1]");
}

TEST_F(CombinatorsTest, Spec_P30_LongSynchronousPipelinesDoNotOverflow) {
  EXPECT_EQ(Eval("const stages = Array(10).fill(x => x + 1);"
                 "return (await pipeline(Array(4096).fill(0), ...stages)).every(x => x === 10)"),
            "true");
}

TEST_F(CombinatorsTest, ScopesFollowTheStructure) {
  WholeTurn turn = host_->Start(
      "agent('top');\n"
      "await parallel([async () => { await null; agent('a'); await parallel([() => agent('b')]); "
      "},\n"
      "  () => pipeline([0, 1], x => agent('c' + x), async x => { await Promise.resolve(); return "
      "agent('d') })]);\n"
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

}  // namespace
}  // namespace odw::script
