// A host behind its zygote: the protocol of proto/odw/v1/script.proto.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "daemon/script/test_host.h"

namespace odw::script {
namespace {

// Private pages of a process.
// Sanitizer builds do not measure memory.
[[maybe_unused]] long PrivateKib(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  long total = 0;
  for (std::string line; std::getline(file, line);) {
    long kib = 0;
    // Not Private_Clean: pages of libnode that happen to be mapped here alone at the moment.
    if (sscanf(line.c_str(), "Private_Dirty: %ld", &kib) == 1) total += kib;
  }
  return total;
}

class HostTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { zygote_ = new TestZygote; }
  static void TearDownTestSuite() { delete zygote_; }
  static TestZygote* zygote_;
};
TestZygote* HostTest::zygote_ = nullptr;

TEST_F(HostTest, SaysWhatItIsBuiltOf) {
  TestHost host(zygote_);
  EXPECT_EQ(host.ready().pid(), static_cast<uint32_t>(host.pid()));
  EXPECT_EQ(host.ready().v8_version().substr(0, 4), "10.2");
  EXPECT_EQ(host.ready().prelude_version().size(), 16u);
  EXPECT_NE(host.ready().corejs_version(), "");
  EXPECT_EQ(host.ready().icu_version(), "72");
}

TEST_F(HostTest, RunsAScriptWithoutCallsInOneTurn) {
  TestHost host(zygote_);
  EXPECT_EQ(host.Evaluate("return {a: 1, b: [undefined, NaN]}"), R"({"a":1,"b":[null,null]})");
}

TEST_F(HostTest, SettlesAgentCalls) {
  TestHost host(zygote_);
  WholeTurn turn = host.Start(
      "const a = await agent('one', {label: 'L', model: 'm'});\n"
      "return [a, await agent('two')];");
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).ordinal(), 1u);
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).prompt(), "one");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).label(), "L");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).model(), "m");
  turn = host.SettleText(1, "first");
  EXPECT_EQ(turn.turn.seq(), 1u);
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).ordinal(), 2u);
  turn = host.SettleJson(2, R"({"x":[1,2]})");
  ASSERT_TRUE(turn.returned());
  EXPECT_EQ(turn.result(), R"(["first",{"x":[1,2]}])");
}

TEST_F(HostTest, InputsSentAheadAreTakenOneTurnEachInOrder) {
  TestHost host(zygote_);
  host.Start(
      "const seen = []; await parallel(Array.from({length: 50}, (_, i) => async () => {"
      "seen.push(await agent('p' + i)); log('got ' + i) })); return seen");
  std::vector<pb::ToHost> settles;
  for (uint64_t i = 50; i >= 1; --i) {
    settles.push_back(host.NewSettle(i));
    settles.back().mutable_settle()->set_value_json(std::to_string(i));
  }
  host.SendAll(settles);
  for (uint64_t i = 1; i <= 50; ++i) {
    const WholeTurn turn = host.ReceiveTurn();
    EXPECT_EQ(turn.turn.seq(), i);
    EXPECT_EQ(turn.Lines(pb::Line::LOG), std::vector<std::string>{"got " + std::to_string(50 - i)});
    EXPECT_EQ(turn.returned(), i == 50);
  }
  host.End();
}

TEST_F(HostTest, LargeTurnsAreSplitAndKeepTheirOrder) {
  TestHost host(zygote_);
  const WholeTurn turn = host.Start(
      "for (let i = 0; i < 40; i++) { agent(i + 'x'.repeat(100000)); log(i) } return "
      "'r'.repeat(3e6)");
  EXPECT_GE(turn.frames, 4);
  ASSERT_EQ(turn.turn.calls_size(), 40);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(turn.turn.calls(i).ordinal(), static_cast<uint64_t>(i + 1));
    EXPECT_EQ(turn.turn.lines(i).text(), std::to_string(i));
  }
  EXPECT_EQ(turn.result().size(), 3000002u);
  host.End();
}

TEST_F(HostTest, ValuesOfManyMegabytesPass) {
  TestHost host(zygote_);
  host.Start("const v = await agent('x'); return v.length");
  EXPECT_EQ(host.SettleText(1, std::string(50 << 20, 'y')).result(), std::to_string(50 << 20));
  host.End();
}

TEST_F(HostTest, FramesOfAnotherEpochAreDropped) {
  TestHost host(zygote_);
  host.Start("return await agent('x')");
  pb::ToHost stale = host.NewSettle(1);
  stale.set_epoch(99);
  stale.mutable_settle()->set_text("stale");
  host.Send(stale);
  pb::ToHost stale_end;
  stale_end.set_epoch(99);
  stale_end.mutable_end();
  host.Send(stale_end);
  EXPECT_EQ(host.SettleText(1, "fresh").result(), "\"fresh\"");
  host.End();
}

TEST_F(HostTest, SettlementsOfUnknownCallsAreTurnsThatDoNothing) {
  TestHost host(zygote_);
  host.Start("return await agent('x')");
  const WholeTurn turn = host.SettleText(77, "who?");
  EXPECT_EQ(turn.turn.seq(), 1u);
  EXPECT_FALSE(turn.returned());
  EXPECT_EQ(host.SettleText(1, "x").result(), "\"x\"");
  host.End();
}

TEST_F(HostTest, NothingIsDeliveredAfterTheEnd) {
  TestHost host(zygote_);
  host.Start("agent('left'); return 1");
  pb::ToHost late = host.NewSettle(1);
  late.mutable_settle()->set_text("late");
  host.Send(late);
  EXPECT_EQ(host.End().runs_served(), 1u);  // the next message is Idle: there was no turn
}

TEST_F(HostTest, ARunCanBeParkedAtAnyTurn) {
  TestHost host(zygote_);
  host.Start(
      "Promise.resolve().then(function f() { globalThis.n = (globalThis.n ?? 0) + 1 }); await "
      "agent('x'); return n");
  host.End();
  EXPECT_EQ(host.Evaluate("return typeof n"), "\"undefined\"");
}

TEST_F(HostTest, ServesManyRunsAndStaysSmall) {
  TestHost host(zygote_);
  for (int i = 0; i < 130; ++i) {
    ASSERT_EQ(host.Evaluate("return 'x'.repeat(10) + " + std::to_string(i)),
              "\"xxxxxxxxxx" + std::to_string(i) + "\"");
  }
  host.Start("const a = []; for (let i = 0; i < 1e6; i++) a.push({i}); globalThis.a = a; return 1");
  EXPECT_GT(host.End().heap_used_bytes(), 24u << 20);
  host.Start("return 1");
  EXPECT_LT(host.End().heap_used_bytes(), 12u << 20);  // in a new isolate
}

TEST_F(HostTest, AFreshIsolateIsGivenWhereItIsAskedFor) {
  TestHost host(zygote_);
  EXPECT_EQ(host.Evaluate("return 1"), "1");
  pb::Start options;
  options.set_fresh_isolate(1);
  EXPECT_EQ(host.Evaluate("return 2", options), "2");
}

TEST_F(HostTest, RepliesReportCpuAndHeap) {
  TestHost host(zygote_);
  const WholeTurn turn = host.Start("let n = 0; for (let i = 0; i < 1e6; i++) n += i; return n");
  EXPECT_GT(turn.turn.cpu_us(), 1000u);
  EXPECT_GT(turn.turn.heap_used_bytes(), 100000u);
  host.End();
}

TEST_F(HostTest, WhatIsNoMessageIsAProtocolError) {
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff", 4), std::string("\x02\x00\x00\x00\xff\xff", 6)}) {
    TestHost host(zygote_);
    ASSERT_TRUE(WriteAll(host.fd(), bytes.data(), bytes.size()).ok());
    EXPECT_EQ(host.Receive().fatal().reason(), pb::Fatal::PROTOCOL);
    pb::FromHost message;
    EXPECT_FALSE(host.TryReceive(&message));
  }
}

TEST_F(HostTest, AStartDuringARunIsAProtocolError) {
  TestHost host(zygote_);
  host.Start("await agent('x')");
  pb::ToHost start;
  start.set_epoch(2);
  start.mutable_start();
  host.Send(start);
  EXPECT_EQ(host.Receive().fatal().reason(), pb::Fatal::PROTOCOL);
}

TEST_F(HostTest, BadArgsAreTold) {
  TestHost host(zygote_);
  pb::Start options;
  options.set_args_json("{");
  EXPECT_EQ(host.Evaluate("return 1", options), "threw SyntaxError: args is not JSON");
}

TEST_F(HostTest, AnIdleHostIsSmall) {
#if !defined(ODW_SANITIZER)
  TestHost host(zygote_);
  EXPECT_LT(PrivateKib(host.pid()), 5 << 10);
  for (int i = 0; i < 20; ++i) host.Evaluate("return await parallel([() => 1])");
  // It gives back what it grew by once it has been idle for a moment.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (PrivateKib(host.pid()) >= 5 << 10 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_LT(PrivateKib(host.pid()), 5 << 10);
#endif
}

TEST_F(HostTest, AHostHoldsNoDescriptorButItsSocket) {
  TestHost sibling(zygote_);
  TestHost host(zygote_);
  std::vector<std::string> targets;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(host.pid()) + "/fd")) {
    const std::string number = entry.path().filename();
    const std::string target = std::filesystem::read_symlink(entry.path());
    if (std::stoi(number) > 2 && target.find("eventfd") == std::string::npos)
      targets.push_back(target);
  }
  ASSERT_EQ(targets.size(), 1u) << testing::PrintToString(targets);
  EXPECT_EQ(targets[0].substr(0, 7), "socket:");
}

TEST_F(HostTest, HostsLeaveNoZombies) {
  pid_t pid;
  {
    TestHost host(zygote_);
    pid = host.pid();
  }
  const UniqueFd pidfd = PidfdOpen(pid);
  if (pidfd.valid()) {
    EXPECT_TRUE(WaitForExit(pidfd, 5000));
  }
  TestHost next(zygote_);  // the zygote has run again since
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST_F(HostTest, AKilledHostIsGoneAndOthersServeOn) {
  TestHost victim(zygote_), other(zygote_);
  victim.Start("await agent('x')");
  ASSERT_EQ(kill(victim.pid(), SIGKILL), 0);
  pb::FromHost message;
  EXPECT_FALSE(victim.TryReceive(&message));
  EXPECT_EQ(other.Evaluate("return 1"), "1");
}

TEST(Zygote, ARequestWithoutADescriptorIsRefused) {
  TestZygote zygote;
  const pb::ZygoteReply reply = zygote.Fork(UniqueFd());
  EXPECT_EQ(reply.pid(), 0u);
  EXPECT_NE(reply.error(), "");
  EXPECT_EQ(TestHost(&zygote).Evaluate("return 1"), "1");
}

TEST(Zygote, EndsWhenItsControlSocketClosesAndHostsServeOn) {
  auto zygote = std::make_unique<TestZygote>();
  TestHost host(zygote.get());
  zygote->control().Reset();
  EXPECT_EQ(zygote->process().Wait().value_or(-1), 0);
  EXPECT_EQ(host.Evaluate("return 1"), "1");
}

TEST(Zygote, SignalsToAllAreTheDaemonsToActOn) {
  TestZygote zygote;
  TestHost host(&zygote);
  for (int signal : {SIGINT, SIGTERM}) {
    ASSERT_EQ(kill(host.pid(), signal), 0);
    ASSERT_TRUE(zygote.process().Signal(signal).ok());
  }
  EXPECT_EQ(host.Evaluate("return 1"), "1");
  EXPECT_EQ(TestHost(&zygote).Evaluate("return 2"), "2");
}

TEST(SelfTest, EveryForbiddenSystemCallIsRefused) {
  SubprocessOptions options;
  options.argv = {ScriptBinary(), "--self-test"};
  options.fds = {{1, 1}, {2, 2}};
  auto process = StartSubprocess(options);
  ASSERT_TRUE(process.ok());
  EXPECT_EQ(process->Wait().value_or(-1), 0);
}

TEST(Roles, AnUnknownOneIsAUsageError) {
  SubprocessOptions options;
  options.argv = {ScriptBinary(), "--dance"};
  auto process = StartSubprocess(options);
  ASSERT_TRUE(process.ok());
  EXPECT_EQ(process->Wait().value_or(-1), 2);
}

}  // namespace
}  // namespace odw::script
