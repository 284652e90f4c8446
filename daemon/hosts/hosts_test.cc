// The pool and the loader over the real odw-script.
#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <memory>

#include "absl/time/clock.h"
#include "daemon/hosts/host_pool.h"
#include "daemon/hosts/loader_process.h"

namespace odw::hosts {
namespace {

const char kBinary[] = ODW_BIN_DIR "/odw-script";
const char kHostileBinary[] = ODW_TESTS_DIR "/hostile_zygote";
constexpr absl::Duration kPatience = absl::Seconds(20);

class PoolTest : public testing::Test, private HostEvents {
 protected:
  void OnTurn(const std::string& run_id, uint64_t epoch, v1::script::Turn turn) override {
    turns_[run_id + "/" + std::to_string(epoch)].push_back(std::move(turn));
  }
  void OnHostGone(const std::string& run_id, uint64_t, std::optional<v1::script::Fatal>) override {
    gone_.push_back(run_id);
  }

  template <typename Condition>
  void Until(Condition condition) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!condition()) {
      ASSERT_LT(absl::Now(), deadline) << "waited too long";
      pool_->Flush(absl::Now());
      poller_.Wait(absl::Milliseconds(50));
    }
  }

  PendingFrame StartFrame(uint64_t epoch, const std::string& body) {
    PendingFrame frame;
    frame.frame.set_epoch(epoch);
    v1::script::Start* start = frame.frame.mutable_start();
    start->set_run_id("wf_test01");
    start->set_script_name("t.js");
    start->set_dialect(1);
    start->set_turn_cpu_ms(5000);
    start->set_list_length_max(4096);
    start->set_log_lines_max(100);
    start->set_log_bytes_max(10000);
    start->set_prompt_bytes_max(1 << 20);
    start->set_result_bytes_max(1 << 20);
    start->set_call_refusals_max(10);
    start->set_heap_bytes_max(64 << 20);
    frame.fill = PendingFrame::Fill::kSource;
    frame.value = model::MakeValue("export const meta = {name: 't', description: 'd'}\n" + body);
    return frame;
  }

  Poller poller_;
  std::map<std::string, std::vector<v1::script::Turn>> turns_;
  std::vector<std::string> gone_;
  virtual const char* Binary() const { return kBinary; }
  void SetUp() override {
    HostEvents* const events = this;
    pool_ = std::make_unique<HostPool>(
        HostPoolOptions{.binary = Binary()}, &poller_,
        [](const std::string&, const v1::Blob&) -> absl::StatusOr<std::string> {
          return absl::NotFoundError("no journal here");
        },
        events);
  }
  HostPool& pool() { return *pool_; }

 private:
  std::unique_ptr<HostPool> pool_;
};

TEST_F(PoolTest, ARunGetsAHostAndItsTurns) {
  ASSERT_TRUE(pool().Start().ok());
  pool().Begin("wf_test01", 1, "me", StartFrame(1, "const r = await agent('hi'); return r + '!'"));
  Until([&] { return turns_["wf_test01/1"].size() == 1; });
  ASSERT_EQ(turns_["wf_test01/1"][0].calls_size(), 1);
  EXPECT_EQ(pool().turns_open(), 0u);
  PendingFrame settle;
  settle.frame.set_epoch(1);
  settle.frame.mutable_settle()->set_seq(1);
  settle.frame.mutable_settle()->set_call(1);
  settle.fill = PendingFrame::Fill::kSettleText;
  settle.value = model::MakeValue("hello");
  pool().Push("wf_test01", 1, std::move(settle));
  Until([&] { return turns_["wf_test01/1"].size() == 2; });
  EXPECT_EQ(turns_["wf_test01/1"][1].returned().value_json(), "\"hello!\"");
  pool().Release("wf_test01", 1);
  // Released hosts come back: many runs one after the other need few processes.
  pool().Begin("wf_test01", 2, "me", StartFrame(2, "return 2"));
  Until([&] { return turns_["wf_test01/2"].size() == 1; });
  for (uint64_t epoch = 3; epoch < 20; ++epoch) {
    pool().Release("wf_test01", epoch - 1);
    pool().Begin("wf_test01", epoch, "me", StartFrame(epoch, "return 3"));
    Until([&] { return turns_["wf_test01/" + std::to_string(epoch)].size() == 1; });
  }
  EXPECT_LE(pool().alive(), 8u);
}

TEST_F(PoolTest, AKilledHostIsReportedAndTheNextStartWorks) {
  ASSERT_TRUE(pool().Start().ok());
  pool().Begin("wf_test01", 1, "me", StartFrame(1, "await agent('hi')"));
  Until([&] { return turns_["wf_test01/1"].size() == 1; });
  ASSERT_EQ(kill(pool().PidOf("wf_test01"), SIGKILL), 0);
  Until([&] { return !gone_.empty(); });
  pool().Begin("wf_test01", 2, "me", StartFrame(2, "return 1"));
  Until([&] { return turns_["wf_test01/2"].size() == 1; });
}

TEST_F(PoolTest, AKilledZygoteIsReplaced) {
  ASSERT_TRUE(pool().Start().ok());
  Until([&] { return pool().alive() >= 2 && !pool().versions().v8.empty(); });
  ASSERT_EQ(kill(pool().zygote_pid(), SIGKILL), 0);
  for (uint64_t epoch = 1; epoch <= 6; ++epoch) {
    pool().Begin("wf_run" + std::to_string(epoch), epoch, "me", StartFrame(epoch, "await agent('hi')"));
  }
  Until([&] { return turns_.size() == 6; });
}

class HostilePoolTest : public PoolTest {
 protected:
  const char* Binary() const override { return kHostileBinary; }
};

// A script that has taken its process over must get at no other run.
TEST_F(HostilePoolTest, AHostThatClaimsToBeIdleIsDroppedAndGetsNoSecondRun) {
  ASSERT_TRUE(pool().Start().ok());
  pool().Begin("wf_test01", 1, "me", StartFrame(1, "return 1"));
  Until([&] { return gone_.size() == 1; });
  EXPECT_EQ(gone_[0], "wf_test01");
  EXPECT_EQ(pool().PidOf("wf_test01"), -1);
  pool().Begin("wf_test02", 2, "another", StartFrame(2, "return 2"));
  Until([&] { return gone_.size() == 2; });
  EXPECT_EQ(gone_[1], "wf_test02");
  EXPECT_EQ(pool().turns_open(), 0u);
}

TEST(Loader, ReadsMetaAndNamesWhatIsWrong) {
  LoaderProcess loader(kBinary);
  Mutex mutex;
  CondVar changed;
  std::vector<absl::StatusOr<v1::script::LoadReply>> replies;
  for (const char* source : {"export const meta = {name: 'n', description: 'd'}\nreturn 1",
                             "export const meta = {name: 'n', description: 'd'}\nreturn )"}) {
    v1::script::LoadRequest request;
    request.set_script_name("t.js");
    request.set_source(source);
    loader.Load(request, [&](absl::StatusOr<v1::script::LoadReply> reply) {
      MutexLock lock(&mutex);
      replies.push_back(std::move(reply));
      changed.NotifyAll();
    });
  }
  MutexLock lock(&mutex);
  while (replies.size() < 2) changed.Wait(&mutex);
  ASSERT_TRUE(replies[0].ok() && replies[1].ok());
  EXPECT_TRUE(replies[0]->ok());
  EXPECT_EQ(replies[0]->name(), "n");
  EXPECT_FALSE(replies[1]->ok());
  ASSERT_GE(replies[1]->problems_size(), 1);
  EXPECT_EQ(replies[1]->problems(0).line(), 2u);
}

}  // namespace
}  // namespace odw::hosts
