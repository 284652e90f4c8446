// The attach protocol, against the real binary: what README.md's "Protocol rules" promise.
#include <gtest/gtest.h>
#include <signal.h>

#include <set>

#include "absl/time/clock.h"
#include "executors/testing/executor_process.h"
#include "executors/testing/fake_daemon.h"

namespace odw::executors {
namespace {

class SessionTest : public testing::Test {
 protected:
  void SetUp() override { daemon_.Start(); }
  ExecutorProcess executor_;
  FakeDaemon daemon_{executor_.socket_path()};
};

std::set<std::string> HeldTokens(const odw::v1::Register& reg, bool finished) {
  std::set<std::string> tokens;
  for (const odw::v1::Held& held : reg.held()) {
    if (held.finished() == finished) tokens.insert(held.token());
  }
  return tokens;
}

TEST_F(SessionTest, RegistersAndAnswersATask) {
  executor_.Start("mock", {"--slots", "3", "--name", "m1"});
  const odw::v1::Register reg = daemon_.WaitRegister();
  EXPECT_EQ(reg.runtime(), "mock");
  EXPECT_EQ(reg.name(), "m1");
  EXPECT_EQ(reg.slots(), 3u);
  EXPECT_EQ(reg.protocol_version(), 1u);
  EXPECT_EQ(reg.held_size(), 0);
  daemon_.Assign("t1", Prompt("hello [[usage:in=9,out=8,cached=7]]"));
  const odw::v1::Result result = daemon_.WaitResult("t1");
  EXPECT_TRUE(result.ok()) << result.DebugString();
  EXPECT_EQ(result.value(), "mock: hello");
  EXPECT_EQ(result.usage().cached_input_tokens(), 7u);
}

TEST_F(SessionTest, ReattachesWithTheCompleteListAndAGreaterEpoch) {
  daemon_.AckAll(false);
  executor_.Start("mock");
  const odw::v1::Register first = daemon_.WaitRegister();
  daemon_.Assign("done", Prompt("x"));
  daemon_.Assign("runs", Prompt("[[hang]]"));
  daemon_.WaitResult("done");
  daemon_.BreakStream();
  const odw::v1::Register second = daemon_.WaitRegister();
  EXPECT_EQ(second.executor_id(), first.executor_id());
  EXPECT_GT(second.session_epoch(), first.session_epoch());
  EXPECT_EQ(HeldTokens(second, true), std::set<std::string>{"done"});
  EXPECT_EQ(HeldTokens(second, false), std::set<std::string>{"runs"});
  EXPECT_TRUE(Eventually([&] { return daemon_.Offers("done") == 2; }));
}

TEST_F(SessionTest, SurvivesADeadDaemonAndOffersInFinishOrder) {
  executor_.Start("mock");
  daemon_.WaitRegister();
  daemon_.Assign("a", Prompt("[[delay:250]]"));
  daemon_.Assign("b", Prompt("[[delay:200]]"));
  daemon_.Assign("c", Prompt("[[delay:300]]"));
  daemon_.Assign("fence", Prompt("x"));
  daemon_.WaitResult("fence");  // so the others have arrived, too
  daemon_.Stop();
  // All three end while nobody listens: the spool's file says so.
  EXPECT_TRUE(Eventually([&] {
    const auto log = ReadFile(executor_.state_folder() + "/spool/results.log", 1 << 20);
    size_t results = 0;
    for (size_t at = log.ok() ? log->find("ODS1\x01") : std::string::npos; at != std::string::npos;
         at = log->find("ODS1\x01", at + 1)) {
      ++results;
    }
    return results == 4;
  }));
  daemon_.Start();
  daemon_.WaitResults(4);
  std::vector<std::string> order = daemon_.ResultOrder();
  std::erase(order, "fence");
  EXPECT_EQ(order, (std::vector<std::string>{"b", "a", "c"}));
}

TEST_F(SessionTest, OwnRestartOffersTheSpoolAndForgetsAcknowledged) {
  daemon_.AckAll(false);
  executor_.Start("mock");
  const odw::v1::Register first = daemon_.WaitRegister();
  for (const char* token : {"a", "b", "c"}) daemon_.Assign(token, Prompt("x"));
  daemon_.WaitResults(3);
  daemon_.Ack("b");
  daemon_.Assign("fence", Prompt("x"));  // answered after the ack was worked off
  daemon_.WaitResult("fence");
  executor_.Kill();
  executor_.Start("mock");
  const odw::v1::Register second = daemon_.WaitRegister();
  EXPECT_EQ(second.executor_id(), first.executor_id());
  EXPECT_GT(second.session_epoch(), first.session_epoch());
  EXPECT_EQ(HeldTokens(second, true), (std::set<std::string>{"a", "c", "fence"}));
  EXPECT_TRUE(Eventually([&] { return daemon_.Offers("fence") == 2; }));
  EXPECT_EQ(daemon_.Offers("b"), 1);
}

TEST_F(SessionTest, DropsAssignmentsOfAnotherEpoch) {
  executor_.Start("mock");
  const odw::v1::Register reg = daemon_.WaitRegister();
  daemon_.Assign("old", Prompt("x"), 1, reg.session_epoch() - 1);
  daemon_.Assign("new", Prompt("x"));
  daemon_.WaitResult("new");
  EXPECT_EQ(daemon_.Offers("old"), 0);
}

TEST_F(SessionTest, RepeatedAssignRunsOnce) {
  daemon_.AckAll(false);
  executor_.Start("mock");
  daemon_.WaitRegister();
  const std::string proof = executor_.folder() + "/proof";
  const auto request = Prompt("[[append:" + proof + ":ran]]");
  daemon_.Assign("t", request);
  daemon_.Assign("t", request);
  daemon_.WaitResult("t");
  daemon_.Assign("t", request);
  daemon_.Assign("fence", Prompt("x"));
  daemon_.WaitResult("fence");
  EXPECT_EQ(CountLines(proof), 1);
}

TEST_F(SessionTest, CancelEndsARunningTask) {
  executor_.Start("mock");
  daemon_.WaitRegister();
  daemon_.Assign("t", Prompt("[[hang]]"));
  daemon_.Cancel("t");
  EXPECT_EQ(daemon_.WaitResult("t").error().category(), odw::v1::CANCELLED);
}

TEST_F(SessionTest, DrainFinishesWhatRunsTakesNoMoreAndLeaves) {
  executor_.Start("mock");
  daemon_.WaitRegister();
  daemon_.Assign("slow", Prompt("[[delay:300]]"));
  daemon_.Assign("fence", Prompt("x"));
  daemon_.WaitResult("fence");  // so "slow" has arrived, too
  executor_.Signal(SIGTERM);
  daemon_.WaitDraining();
  daemon_.Assign("late", Prompt("x"));
  EXPECT_TRUE(daemon_.WaitLost("late").not_started());
  EXPECT_TRUE(daemon_.WaitResult("slow").ok());
  EXPECT_EQ(executor_.WaitExit(), 0);
}

TEST_F(SessionTest, RefusesMoreThanItsSlots) {
  executor_.Start("mock", {"--slots", "1"});
  daemon_.WaitRegister();
  daemon_.Assign("one", Prompt("[[hang]]"));
  daemon_.Assign("two", Prompt("x"));
  EXPECT_TRUE(daemon_.WaitLost("two").not_started());
}

TEST_F(SessionTest, RefusesATokenThatIsAPath) {
  executor_.Start("mock");
  daemon_.WaitRegister();
  daemon_.Assign("../../escape", Prompt("x"));
  EXPECT_TRUE(daemon_.WaitLost("../../escape").not_started());
}

TEST_F(SessionTest, HeartbeatsAtTheIntervalOfTheWelcome) {
  executor_.Start("mock");
  daemon_.WaitRegister();
  EXPECT_TRUE(Eventually([&] { return daemon_.Heartbeats() >= 3; }));
}

TEST_F(SessionTest, WithoutADaemonItLeavesAfterItsLingerAndKeepsTheSpool) {
  daemon_.AckAll(false);
  executor_.Start("mock", {"--linger-seconds", "0.2"});
  daemon_.WaitRegister();
  daemon_.Assign("t", Prompt("x"));
  daemon_.WaitResult("t");
  daemon_.Stop();
  EXPECT_EQ(executor_.WaitExit(), 0);
  daemon_.Start();
  executor_.Start("mock");
  EXPECT_EQ(HeldTokens(daemon_.WaitRegister(), true), std::set<std::string>{"t"});
}

TEST_F(SessionTest, ASecondExecutorOnTheSameStateIsRefused) {
  executor_.Start("mock");
  daemon_.WaitRegister();
  auto second = StartSubprocess({.argv = {ODW_EXECUTOR_BINARY, "--runtime", "mock", "--state",
                                          executor_.state_folder(), "--daemon", daemon_.address()}});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*second->Wait(), 75);
}

TEST_F(SessionTest, DaemonizedItAnswersItsCallerAndServes) {
  executor_.Start("mock", {"--daemonize", "--linger-seconds", "0.2"});
  EXPECT_EQ(executor_.WaitExit(), 0);  // the caller's side
  daemon_.WaitRegister();
  daemon_.Assign("t", Prompt("x"));
  EXPECT_TRUE(daemon_.WaitResult("t").ok());
  daemon_.Stop();
  // It leaves by its linger: the lock is free again.
  EXPECT_TRUE(Eventually([&] { return LockFile(executor_.state_folder() + "/lock").ok(); }));
}

TEST_F(SessionTest, TenThousandTasksAtOnce) {
  executor_.Start("mock", {"--slots", "10000"});
  daemon_.WaitRegister();
  const absl::Time start = absl::Now();
  for (int i = 0; i < 10'000; ++i) daemon_.Assign("t" + std::to_string(i), Prompt("hello"));
  daemon_.WaitResults(10'000);
  RecordProperty("milliseconds", static_cast<int>(absl::ToInt64Milliseconds(absl::Now() - start)));
  std::printf("10,000 tasks: %s\n", absl::FormatDuration(absl::Now() - start).c_str());
}

TEST_F(SessionTest, ALargeResultTravels) {
  executor_.Start("mock");
  daemon_.WaitRegister();
  daemon_.Assign("t", Prompt("[[big:60000]]"));
  EXPECT_EQ(daemon_.WaitResult("t").value().size(), 60000u << 10);
}

}  // namespace
}  // namespace odw::executors
