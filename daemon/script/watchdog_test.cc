// Scripts that never end or never have enough: each ends its own run, with a clear word (SPEC C7,
// P39, P40).
#include <gtest/gtest.h>

#include "daemon/script/test_host.h"

namespace odw::script {
namespace {

class WatchdogTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { zygote_ = new TestZygote; }
  static void TearDownTestSuite() { delete zygote_; }

  static pb::Start Quick() {
    pb::Start options;
    options.set_turn_cpu_ms(100);
    return options;
  }
  static pb::Start Small() {
    pb::Start options;
    options.set_heap_bytes_max(64 << 20);
    return options;
  }
  static TestZygote* zygote_;
};
TestZygote* WatchdogTest::zygote_ = nullptr;

TEST_F(WatchdogTest, Spec_C7_P39_EveryEndlessTurnIsCutOff) {
  TestHost host(zygote_);
  for (const char* body :
       {"for (;;);",
        "await null; for (;;);",
        "await parallel([() => { for (;;); }])",
        "await pipeline([1], () => { for (;;); })",
        "Promise.resolve().then(() => { for (;;); }); await null",
        "return {toJSON() { for (;;); }}",
        "return {get a() { for (;;); }}",
        "agent('x', new Proxy({}, {ownKeys() { for (;;); }}))",
        "agent({toString() { for (;;); }})",
        "log({toJSON() { for (;;); }})",
        "[3, 2, 1].sort(() => { for (;;); })",
        "/^(a+)+$/.test('a'.repeat(40) + '!')",
        "(function f() { Promise.resolve().then(f) })(); await new Promise(() => 0)",
        "while (true) await null",
        "try { for (;;); } catch { } finally { for (;;); }",
        "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x')",
        "await {get then() { for (;;); }}",
        "function* g() { for (;;) yield 1 } [...g()].length",
        "agent('x', {schema: {toJSON() { for (;;); }}})",
        "throw {get message() { for (;;); }, toString() { for (;;); }}",
        "Promise.reject({toString() { for (;;); }, get name() { for (;;); }}); await null; return "
        "1"}) {
    const pb::Thrown thrown = host.Start(body, Quick()).turn.thrown();
    EXPECT_EQ(thrown.category(), "timeout") << body;
    EXPECT_EQ(thrown.message(), "Script execution timed out after 100ms") << body;
    host.End();
    EXPECT_EQ(host.Evaluate("return 1"), "1") << body;
  }
}

TEST_F(WatchdogTest, LaterTurnsAreCutOffToo) {
  TestHost host(zygote_);
  host.Start("await agent('x'); for (;;);", Quick());
  EXPECT_EQ(host.SettleText(1, "r").turn.thrown().category(), "timeout");
  host.End();
  host.Start("setTimeout(() => { for (;;); }, 1); await agent('x')", Quick());
  EXPECT_EQ(host.SettleUndefined(1).turn.thrown().category(), "timeout");
  host.End();
  EXPECT_EQ(host.Evaluate("return 2"), "2");
}

TEST_F(WatchdogTest, ReplayIsTenTimesLaxerAndSaysTheSame) {
  TestHost host(zygote_);
  pb::Start options = Quick();
  options.set_replay(true);
  const pb::Turn turn = host.Start("for (;;);", options).turn;
  EXPECT_EQ(turn.thrown().message(), "Script execution timed out after 100ms");
  EXPECT_GE(turn.cpu_us(), 900000u);
}

TEST_F(WatchdogTest, ManyShortTurnsAreNoLongOne) {
  TestHost host(zygote_);
  host.Start(
      "for (let i = 0; i < 20; i++) { await agent('x'); for (let k = 0; k < 200000; k++); } return "
      "'ok'",
      Quick());
  WholeTurn turn;
  for (uint64_t i = 1; i <= 20; ++i) turn = host.SettleText(i, "r");
  EXPECT_EQ(turn.result(), "\"ok\"");
}

TEST_F(WatchdogTest, Spec_P40_AFullHeapEndsTheRunAndTheHostServesOn) {
  TestHost host(zygote_);
  for (const char* body :
       {"const a = []; for (;;) a.push({x: [1, 2, 3, 4]})",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, {i})",
        "await agent('x'); const a = []; for (;;) a.push(new Array(100).fill(1.5))"}) {
    WholeTurn turn = host.Start(body, Small());
    if (turn.turn.calls_size() > 0) turn = host.SettleText(1, "r");
    EXPECT_EQ(turn.turn.thrown().category(), "out_of_memory") << body;
    EXPECT_NE(turn.turn.thrown().message().find("64 MiB"), std::string::npos) << body;
    host.End();
    EXPECT_EQ(host.Evaluate("return 1"), "1") << body;
  }
}

TEST_F(WatchdogTest, Spec_P40_WhatV8LimitsItselfCanBeCaught) {
  TestHost host(zygote_);
  for (const char* expression :
       {"let s = 'x'; for (;;) s += s", "new ArrayBuffer(2 ** 33)", "(function f() { f() })()",
        "new Uint8Array(2 ** 31)", "'x'.repeat(2 ** 30)", "new Array(-1)", "'x'.padEnd(2 ** 30)"}) {
    EXPECT_EQ(host.Evaluate(std::string("try { ") + expression + " } catch (e) { return e.name }",
                            Small()),
              "\"RangeError\"")
        << expression;
  }
  EXPECT_EQ(host.Evaluate("const a = []; try { for (;;) a.push(new ArrayBuffer(1 << 24)) } catch "
                          "(e) { return e.name }"),
            "\"RangeError\"");
}

TEST_F(WatchdogTest, Spec_P40_AHostThatCannotUnwindSaysWhyAndDies) {
  // Single allocations far past the limit: there may be no point at which JavaScript can be
  // terminated.
  for (const char* body : {"let s = ['x']; for (;;) s = s.concat(s)",
                           "new Array(3e7).fill(0).map(x => ({x})).length"}) {
    TestHost host(zygote_);
    pb::ToHost start;
    start.set_epoch(1);
    *start.mutable_start() = Small();
    start.mutable_start()->set_source(std::string("export const meta = {};") + body);
    host.Send(start);
    const pb::FromHost message = host.Receive();
    if (message.has_fatal()) {
      EXPECT_EQ(message.fatal().reason(), pb::Fatal::OUT_OF_MEMORY) << body;
      pb::FromHost next;
      EXPECT_FALSE(host.TryReceive(&next));
    } else {
      EXPECT_EQ(message.turn().thrown().category(), "out_of_memory") << body;
    }
    EXPECT_EQ(TestHost(zygote_).Evaluate("return 'a neighbour'"), "\"a neighbour\"");
  }
}

TEST_F(WatchdogTest, WhatCannotBeTerminatedEndsTheHostWithAReason) {
  TestHost host(zygote_);
  pb::ToHost start;
  start.set_epoch(1);
  *start.mutable_start() = Quick();
  // A loop inside V8 that never looks whether it has been terminated.
  start.mutable_start()->set_source(
      "export const meta = {}; [].indexOf.call({length: 2 ** 53 - 1}, 1)");
  host.Send(start);
  EXPECT_EQ(host.Receive().fatal().reason(), pb::Fatal::TIMEOUT);
  pb::FromHost next;
  EXPECT_FALSE(host.TryReceive(&next));
}

TEST_F(WatchdogTest, ALoopingHostDiesWithItsDaemon) {
  pid_t pid;
  {
    TestHost host(zygote_);
    pid = host.pid();
    pb::ToHost start;
    start.set_epoch(1);
    start.mutable_start()->set_source("export const meta = {}; for (;;);");
    host.Send(start);
  }
  // The socket is closed: the process goes, although its script never reads.
  const UniqueFd pidfd = PidfdOpen(pid);
  if (pidfd.valid()) {
    EXPECT_TRUE(WaitForExit(pidfd, 5000));
  }
}

TEST_F(WatchdogTest, Spec_C7_P39_WhatOdwAddsIsCutOffToo) {
  TestHost host(zygote_);
  pb::Start options = Quick();
  options.set_dialect(2);
  options.set_args_json("{\"allowSuggestedPrompts\":true}");
  for (const char* body :
       {"for (;;); export default () => 1", "export default () => { for (;;); }",
        "export default async (input) => { await null; for (;;); }",
        "await null; for (;;); export default () => 1",
        "export default () => ({ toJSON() { for (;;); } })",
        "await fanout([1], () => { for (;;); })",
        "await fanout([1], () => ({get prompt() { for (;;); }}))",
        "await parallel([{get prompt() { for (;;); }}])",
        "await parallel([{prompt: {toString() { for (;;); }}}])",
        "await parallel([() => 1], {get max() { for (;;); }})",
        "promptSlot('x', {}, () => { for (;;); })", "checkpoint('x', {toJSON() { for (;;); }})",
        "agent('x', {retry: {get attempts() { for (;;); }}})",
        "agent('x', {id: {toString() { for (;;); }}})",
        "agent('x', {fallback: [{toString() { for (;;); }}]})",
        "workflow('x', {get a() { for (;;); }})"}) {
    const pb::Thrown thrown = host.StartSource(body, options).turn.thrown();
    EXPECT_EQ(thrown.category(), "timeout") << body << ": " << thrown.message();
    host.End();
    EXPECT_EQ(host.Evaluate("return 1"), "1") << body;
  }
}

TEST_F(WatchdogTest, AHeapBelowWhatV8StartsWithHolds) {
  TestHost host(zygote_);
  pb::Start options;
  options.set_heap_bytes_max(24 << 20);
  for (const char* body : {"const a = []; for (;;) a.push({a: a.length})",
                           "const m = new Map(); for (let i = 0;; i++) m.set(i, [i])",
                           "let s = []; for (;;) s.push('x'.repeat(1000) + s.length)"}) {
    const WholeTurn turn = host.Start(body, options);
    EXPECT_EQ(turn.turn.thrown().category(), "out_of_memory") << body;
    EXPECT_NE(turn.turn.thrown().message().find("24 MiB"), std::string::npos);
    EXPECT_LT(turn.turn.heap_used_bytes(), 64u << 20) << body;
    host.End();
  }
  // Garbage is no use of it.
  EXPECT_EQ(host.Evaluate("let n = 0; for (let i = 0; i < 3e5; i++) n += [i, {i}].length; return n",
                          options),
            "600000");
}

}  // namespace
}  // namespace odw::script
