#include "executors/worktree/tree_runtime.h"

#include <map>

#include "executors/worktree/worktree_testing.h"

namespace odw::executors::worktree {
namespace {

constexpr absl::Duration kWaitMax = absl::Seconds(20);

// What is inside: notes what it is given; a test ends its tasks by hand.
class Inner : public Runtime {
 public:
  void Describe(odw::v1::Register*) const override {}
  void Start(Task task) override { started[task.token] = std::move(task); }
  void Cancel(const std::string&, const std::string&) override {}
  void Lose(const std::string& token) {
    odw::v1::Lost lost;
    lost.set_token(token);
    sink_->Lost(std::move(lost));
  }
  std::map<std::string, Task> started;
};

class Outside : public TaskSink {
 public:
  void Finished(odw::v1::Result result) override { finished[result.token()] = std::move(result); }
  void Lost(odw::v1::Lost lost) override { this->lost[lost.token()] = std::move(lost); }
  void Progress(odw::v1::Progress) override {}
  std::map<std::string, odw::v1::Result> finished;
  std::map<std::string, odw::v1::Lost> lost;
};

class TreeRuntimeTest : public testing::Test {
 protected:
  TreeRuntimeTest() { Restart(); }

  // As the executor's next process.
  void Restart() {
    outer_.reset();
    auto inner = std::make_unique<Inner>();
    inner_ = inner.get();
    outer_ = std::make_unique<TreeRuntime>(&loop_, std::move(inner), repo_.root() + "/trees");
    outer_->Bind(&outside_);
    EXPECT_TRUE(outer_->Adopt([](const std::string&) { return false; }).ok());
  }
  void Start(const std::string& token, uint32_t attempt) {
    Task task{.token = token, .run_id = "run1", .node = 1, .attempt = attempt, .request = {}};
    task.request.set_isolation("worktree");
    task.request.set_cwd(repo_.top());
    if (attempt > 1) task.resume_session = task.resume_token = "earlier";
    outer_->Start(std::move(task));
  }
  void Until(const std::function<bool()>& done) {
    const absl::Time end = absl::Now() + kWaitMax;
    while (!done() && absl::Now() < end) loop_.RunOnce(absl::Milliseconds(100));
    EXPECT_TRUE(done());
  }
  const Task& Started(const std::string& token) {
    Until([&] { return inner_->started.contains(token); });
    return inner_->started[token];
  }

  TestRepository repo_;
  EventLoop loop_;
  Outside outside_;
  Inner* inner_ = nullptr;
  std::unique_ptr<TreeRuntime> outer_;
};

// The session knows its files by whole paths: elsewhere it would write where nobody looks.
TEST_F(TreeRuntimeTest, TheNextAttemptWorksWhereTheLostOneDidWithWhatThatLeft) {
  Start("t1", 1);
  const std::string path = Started("t1").request.cwd();
  TestRepository::Write(path + "/half.txt", "half");
  inner_->Lose("t1");
  Until([&] { return outside_.lost.contains("t1"); });
  Start("t2", 2);  // at once, while the first tree is still being removed
  EXPECT_EQ(Started("t2").request.cwd(), path);
  EXPECT_EQ(Started("t2").resume_session, "earlier");
  EXPECT_EQ(TestRepository::Read(path + "/half.txt"), "half");
}

TEST_F(TreeRuntimeTest, TheNextAttemptWaitsForTheSweepOfWhatADeadExecutorLeft) {
  Start("t1", 1);
  const std::string path = Started("t1").request.cwd();
  TestRepository::Write(path + "/half.txt", "half");
  Restart();
  Start("t2", 2);
  EXPECT_EQ(Started("t2").request.cwd(), path);
  EXPECT_EQ(TestRepository::Read(path + "/half.txt"), "half");
}

TEST_F(TreeRuntimeTest, WhereATreeStaysTheNextAttemptBeginsAnew) {
  Start("t1", 1);
  const std::string path = Started("t1").request.cwd();
  repo_.Sh("cd " + path + " && rm .git && git init -q && touch precious");
  inner_->Lose("t1");
  Until([&] { return outside_.lost.contains("t1"); });
  Start("t2", 2);
  EXPECT_NE(Started("t2").request.cwd(), path);
  EXPECT_EQ(Started("t2").resume_session, "");
  EXPECT_TRUE(std::filesystem::exists(path + "/precious"));
}

}  // namespace
}  // namespace odw::executors::worktree
