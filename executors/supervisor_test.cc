// Commands under their supervisors, against the real binary, with kill -9 of every process in turn: no
// task runs twice without being reported lost, and nothing of a task stays behind.
#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "executors/testing/executor_process.h"
#include "executors/testing/fake_daemon.h"

namespace odw::executors {
namespace {

constexpr char kConfig[] = R"(
[commands.sh]
program = "sh"
env = ["GREETING=hello"]
[commands.true]
program = "true"
read_only = true
[commands.wc]
program = "wc"
[commands.count]
program = "grep"
args = ["-c", "-e"]
exit_ok = [0, 1]
[commands.quick]
program = "sh"
timeout_ms = 300
[commands.large]
program = "sh"
output_bytes_max = 67108864
[commands.small]
program = "sh"
output_bytes_max = 1000
)";

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    daemon_.Start();
    executor_.WriteConfig(kConfig);
  }
  void StartAndAttach() {
    executor_.Start("command");
    register_ = daemon_.WaitRegister();
  }
  odw::v1::Result Run(const std::string& token, odw::v1::AgentRequest request) {
    daemon_.Assign(token, std::move(request));
    return daemon_.WaitResult(token);
  }
  std::string Path(const std::string& name) { return executor_.folder() + "/" + name; }
  // A command that notes its start, waits for a file `go` to appear, and says "done".
  odw::v1::AgentRequest Gated() {
    return Command("sh", {"-c", "echo ran >> " + Path("proof") + "; while [ ! -e " + Path("go") +
                                    " ]; do sleep 0.01; done; echo done"});
  }
  bool TaskFileIsGone(const std::string& token) {
    return access((executor_.state_folder() + "/tasks/" + token).c_str(), F_OK) != 0;
  }
  void OpenGate() { ASSERT_TRUE(WriteFileAtomically(Path("go"), "").ok()); }
  bool Started() {
    return Eventually([&] { return CountLines(Path("proof")) >= 1; });
  }
  ExecutorProcess executor_;
  FakeDaemon daemon_{executor_.socket_path()};
  odw::v1::Register register_;
};

// The first process above `pid` whose name is `name`.
pid_t Ancestor(pid_t pid, const std::string& name) {
  while (pid > 1) {
    const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!stat.ok()) return -1;
    if (stat->find("(" + name + ")") != std::string::npos) return pid;
    pid = atoi(stat->c_str() + stat->rfind(')') + 4);
  }
  return -1;
}

std::vector<pid_t> ProcessesNamed(const std::string& name, pid_t parent) {
  std::vector<pid_t> found;
  DIR* proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = atoi(entry->d_name);
    const auto stat = pid > 0 ? ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096) : absl::StatusOr<std::string>("");
    if (!stat.ok() || stat->find("(" + name + ")") == std::string::npos) continue;
    if (atoi(stat->c_str() + stat->rfind(')') + 4) == parent) found.push_back(pid);
  }
  closedir(proc);
  return found;
}

// A zombie that its new parent has not reaped yet counts as dead.
bool Dead(pid_t pid) {
  const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096);
  return !stat.ok() || (*stat)[stat->rfind(')') + 2] == 'Z';
}

TEST_F(SupervisorTest, DeclaresItsCommands) {
  StartAndAttach();
  EXPECT_EQ(register_.commands_size(), 7);
  ASSERT_EQ(register_.read_only_commands_size(), 1);
  EXPECT_EQ(register_.read_only_commands(0), "true");
}

TEST_F(SupervisorTest, ResolvesToStdoutLessOneNewline) {
  StartAndAttach();
  EXPECT_EQ(Run("a", Command("sh", {"-c", "printf 'x\\n\\n'"})).value(), "x\n");
  EXPECT_EQ(Run("b", Command("sh", {"-c", "printf 'a\\377b'"})).value(), "a\xEF\xBF\xBD" "b");
  EXPECT_EQ(Run("c", Command("true", {})).value(), "");
}

TEST_F(SupervisorTest, ArgumentsAreNeverSeenByAShell) {
  StartAndAttach();
  const std::string hostile = "; touch " + Path("pwned") + " $(id) `id` * \"'";
  EXPECT_EQ(Run("t", Command("sh", {"-c", "printf %s \"$1\"", "sh", hostile})).value(), hostile);
  EXPECT_NE(access(Path("pwned").c_str(), F_OK), 0);
}

TEST_F(SupervisorTest, FixedArgumentsComeFirstAndDeclaredStatusesAreSuccess) {
  StartAndAttach();
  ASSERT_TRUE(WriteFileAtomically(Path("text"), "a\nb\na\n").ok());
  EXPECT_EQ(Run("a", Command("count", {"a", Path("text")})).value(), "2");
  EXPECT_EQ(Run("b", Command("count", {"z", Path("text")})).value(), "0");  // grep's status 1
  EXPECT_EQ(Run("c", Command("count", {"z", Path("gone")})).error().exit_status(), 2);
}

TEST_F(SupervisorTest, EnvironmentIsAnAllowlist) {
  executor_.Start("command", {}, {"SECRET=s3cret"});
  daemon_.WaitRegister();
  const std::string env = Run("t", Command("sh", {"-c", "env"})).value();
  EXPECT_NE(env.find("GREETING=hello"), std::string::npos);
  EXPECT_NE(env.find("ODW_TASK=t@"), std::string::npos);
  EXPECT_EQ(env.find("SECRET"), std::string::npos) << env;
}

TEST_F(SupervisorTest, UndeclaredCommandNamesWhatIsAndTheKeyToAdd) {
  StartAndAttach();
  const odw::v1::Error error = Run("t", Command("rm", {"-rf", "/"})).error();
  EXPECT_EQ(error.category(), odw::v1::UNSUPPORTED);
  EXPECT_NE(error.message().find("[commands.rm]"), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("count, large, quick, sh, small, true, wc"), std::string::npos) << error.message();
}

TEST_F(SupervisorTest, FailuresHaveTheirClasses) {
  StartAndAttach();
  const odw::v1::Error status = Run("a", Command("sh", {"-c", "echo oh no >&2; exit 3"})).error();
  EXPECT_EQ(status.category(), odw::v1::EXIT_STATUS);
  EXPECT_EQ(status.exit_status(), 3);
  EXPECT_NE(status.message().find("oh no"), std::string::npos);
  const odw::v1::Error crashed = Run("b", Command("sh", {"-c", "kill -SEGV $$"})).error();
  EXPECT_EQ(crashed.category(), odw::v1::CRASHED);
  EXPECT_EQ(crashed.exit_status(), -SIGSEGV);
  EXPECT_EQ(Run("c", Command("quick", {"-c", "sleep 1000"})).error().category(), odw::v1::TIMEOUT);
  EXPECT_EQ(Run("d", Command("small", {"-c", "yes"})).error().category(), odw::v1::OUTPUT_TOO_LARGE);
  EXPECT_EQ(Run("e", Command("small", {"-c", "head -c 1001 /dev/zero"})).error().category(),
            odw::v1::OUTPUT_TOO_LARGE);
  EXPECT_TRUE(Run("f", Command("small", {"-c", "head -c 1000 /dev/zero"})).ok());
  auto lost_folder = Command("true", {});
  lost_folder.set_cwd("/nonexistent");
  EXPECT_EQ(Run("g", lost_folder).error().category(), odw::v1::INVALID_REQUEST);
  auto here = Command("sh", {"-c", "pwd"});
  here.set_cwd("/usr");
  EXPECT_EQ(Run("h", here).value(), "/usr");
}

TEST_F(SupervisorTest, NothingIsLeftOfATask) {
  StartAndAttach();
  // A background child in the group, one in a session of its own, and one whose parent is gone.
  const std::string script = "sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000 & sleep 1000' &) ; echo out";
  EXPECT_EQ(Run("t", Command("sh", {"-c", script})).value(), "out");
  EXPECT_TRUE(executor_.ProcessesOfTask("t").empty());
}

TEST_F(SupervisorTest, TimeoutAlsoEndsWhatIgnoresSigterm) {
  StartAndAttach();
  const absl::Time start = absl::Now();
  EXPECT_EQ(Run("t", Command("quick", {"-c", "trap '' TERM; while :; do sleep 1; done"})).error().category(),
            odw::v1::TIMEOUT);
  EXPECT_GT(absl::Now() - start, absl::Seconds(5));
  EXPECT_TRUE(executor_.ProcessesOfTask("t").empty());
}

TEST_F(SupervisorTest, CancelEndsTheWholeTask) {
  StartAndAttach();
  daemon_.Assign("t", Gated());
  ASSERT_TRUE(Started());
  daemon_.Cancel("t");
  EXPECT_EQ(daemon_.WaitResult("t").error().category(), odw::v1::CANCELLED);
  EXPECT_TRUE(executor_.ProcessesOfTask("t").empty());
}

TEST_F(SupervisorTest, LargeOutputIsReadWhole) {
  StartAndAttach();
  const std::string value = Run("t", Command("sh", {"-c", "head -c 5000000 /dev/zero | tr '\\0' x"})).value();
  EXPECT_EQ(value.size(), 5'000'000u);
  EXPECT_EQ(Run("after", Command("sh", {"-c", "echo ok"})).value(), "ok");
}

TEST_F(SupervisorTest, OutputThatGrowsPastAResultInUtf8IsRefusedByName) {
  StartAndAttach();
  const auto grows = Command("large", {"-c", "head -c 30000000 /dev/zero | tr '\\0' '\\377'"});
  EXPECT_EQ(Run("t", grows).error().category(), odw::v1::OUTPUT_TOO_LARGE);
}

TEST_F(SupervisorTest, ATaskOutlivesItsExecutorAndIsAdopted) {
  StartAndAttach();
  daemon_.Assign("t", Gated());
  ASSERT_TRUE(Started());
  executor_.Kill();
  daemon_.WaitDetached();
  executor_.Start("command");
  const odw::v1::Register reg = daemon_.WaitRegister();
  ASSERT_EQ(reg.held_size(), 1);
  EXPECT_EQ(reg.held(0).token(), "t");
  EXPECT_FALSE(reg.held(0).finished());
  OpenGate();
  EXPECT_EQ(daemon_.WaitResult("t").value(), "done");
  EXPECT_EQ(CountLines(Path("proof")), 1);
}

TEST_F(SupervisorTest, AResultWrittenWhileTheExecutorWasDeadIsOffered) {
  StartAndAttach();
  daemon_.Assign("t", Gated());
  ASSERT_TRUE(Started());
  executor_.Kill();
  OpenGate();
  EXPECT_TRUE(Eventually([&] { return executor_.ProcessesOfTask("t").empty(); }));
  executor_.Start("command");
  EXPECT_EQ(daemon_.WaitResult("t").value(), "done");
  EXPECT_EQ(CountLines(Path("proof")), 1);
  EXPECT_NE(access((executor_.state_folder() + "/tasks/t").c_str(), F_OK), 0) << "its file stays";
}

TEST_F(SupervisorTest, CancelReachesAnAdoptedTask) {
  StartAndAttach();
  daemon_.Assign("t", Gated());
  ASSERT_TRUE(Started());
  executor_.Kill();
  executor_.Start("command");
  daemon_.WaitRegister();
  daemon_.Cancel("t");
  EXPECT_EQ(daemon_.WaitResult("t").error().category(), odw::v1::CANCELLED);
  EXPECT_TRUE(executor_.ProcessesOfTask("t").empty());
}

TEST_F(SupervisorTest, ADeadSupervisorsTaskIsProvedDeadAndLost) {
  StartAndAttach();
  // One more in a session of its own, with its environment emptied: only the session's members and the
  // environment lead to a task's processes, so each is tried alone.
  daemon_.Assign("t", Command("sh", {"-c", "echo ran >> " + Path("proof") +
                                               "; setsid sleep 1000 & env -i sleep 1001 & sleep 1002"}));
  ASSERT_TRUE(Started());
  ASSERT_TRUE(Eventually([&] { return executor_.ProcessesOfTask("t").size() >= 3; }));
  const pid_t supervisor = Ancestor(executor_.ProcessesOfTask("t")[0], "odw-supervisor");
  ASSERT_GT(supervisor, 1);
  kill(supervisor, SIGKILL);
  const odw::v1::Lost lost = daemon_.WaitLost("t");
  EXPECT_FALSE(lost.not_started());
  EXPECT_TRUE(executor_.ProcessesOfTask("t").empty());
  EXPECT_TRUE(Eventually([&] { return TaskFileIsGone("t"); }));  // with the ack
  EXPECT_EQ(Run("next", Command("sh", {"-c", "echo ok"})).value(), "ok");
}

TEST_F(SupervisorTest, AnotherExecutorsTaskOfTheSameTokenIsLeftAlone) {
  ExecutorProcess neighbour;
  FakeDaemon its_daemon(neighbour.socket_path());
  its_daemon.Start();
  neighbour.WriteConfig(kConfig);
  neighbour.Start("command");
  its_daemon.WaitRegister();
  its_daemon.Assign("t", Gated());
  ASSERT_TRUE(Started());
  StartAndAttach();
  daemon_.Assign("t", Gated());
  ASSERT_TRUE(Eventually([&] { return CountLines(Path("proof")) == 2; }));
  kill(Ancestor(executor_.ProcessesOfTask("t")[0], "odw-supervisor"), SIGKILL);
  daemon_.WaitLost("t");
  EXPECT_TRUE(executor_.ProcessesOfTask("t").empty());
  EXPECT_FALSE(neighbour.ProcessesOfTask("t").empty());
  OpenGate();
  EXPECT_EQ(its_daemon.WaitResult("t").value(), "done");
}

TEST_F(SupervisorTest, ALossIsToldUntilItIsAcknowledged) {
  daemon_.AckAll(false);
  StartAndAttach();
  daemon_.Assign("t", Gated());
  ASSERT_TRUE(Started());
  kill(Ancestor(executor_.ProcessesOfTask("t")[0], "odw-supervisor"), SIGKILL);
  daemon_.WaitLost("t");
  daemon_.BreakStream();
  odw::v1::Register again = daemon_.WaitRegister();
  ASSERT_EQ(again.held_size(), 1);
  EXPECT_EQ(again.held(0).token(), "t");
  EXPECT_TRUE(again.held(0).finished());
  EXPECT_TRUE(again.supervised());
  // The loss outlives the executor, too.
  executor_.Kill();
  executor_.Start("command");
  again = daemon_.WaitRegister();
  ASSERT_EQ(again.held_size(), 1);
  EXPECT_FALSE(TaskFileIsGone("t"));
  daemon_.AckAll(true);
  daemon_.BreakStream();
  EXPECT_TRUE(Eventually([&] { return TaskFileIsGone("t"); }));
  EXPECT_EQ(CountLines(Path("proof")), 1);
}

TEST_F(SupervisorTest, SupervisorAndExecutorKilledTogether) {
  StartAndAttach();
  daemon_.Assign("t", Gated());
  ASSERT_TRUE(Started());
  const pid_t supervisor = Ancestor(executor_.ProcessesOfTask("t")[0], "odw-supervisor");
  executor_.Kill();
  kill(supervisor, SIGKILL);
  executor_.Start("command");
  daemon_.WaitLost("t");
  EXPECT_TRUE(executor_.ProcessesOfTask("t").empty());
  EXPECT_EQ(CountLines(Path("proof")), 1);
}

TEST_F(SupervisorTest, ADeadZygoteIsReplaced) {
  StartAndAttach();
  daemon_.Assign("running", Gated());
  ASSERT_TRUE(Started());
  const std::vector<pid_t> zygotes = ProcessesNamed("odw-zygote", executor_.pid());
  ASSERT_EQ(zygotes.size(), 1u);
  kill(zygotes[0], SIGKILL);
  // The idle supervisors are taken first: eight at once need new ones.
  for (int i = 0; i < 8; ++i) daemon_.Assign("t" + std::to_string(i), Command("sh", {"-c", "sleep 0.1; echo ok"}));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(daemon_.WaitResult("t" + std::to_string(i)).value(), "ok");
  OpenGate();
  EXPECT_EQ(daemon_.WaitResult("running").value(), "done");
  EXPECT_EQ(CountLines(Path("proof")), 1);
}

TEST_F(SupervisorTest, NoProcessIsLeftAfterTheExecutorLeaves) {
  StartAndAttach();
  Run("t", Command("true", {}));
  const std::vector<pid_t> zygotes = ProcessesNamed("odw-zygote", executor_.pid());
  ASSERT_EQ(zygotes.size(), 1u);
  const std::vector<pid_t> supervisors = ProcessesNamed("odw-supervisor", zygotes[0]);
  ASSERT_GE(supervisors.size(), 1u);
  executor_.Signal(SIGTERM);
  EXPECT_EQ(executor_.WaitExit(), 0);
  EXPECT_TRUE(Dead(zygotes[0]));
  EXPECT_TRUE(Eventually([&] { return Dead(supervisors[0]); }));
}

TEST_F(SupervisorTest, AThousandNoOps) {
  executor_.Start("command", {"--slots", "16"});
  daemon_.WaitRegister();
  Run("warm", Command("true", {}));
  const absl::Time start = absl::Now();
  int assigned = 0;
  for (; assigned < 16; ++assigned) daemon_.Assign("t" + std::to_string(assigned), Command("true", {}));
  for (size_t done = 1; done < 1000; ++done) {
    daemon_.WaitResults(done + 1);
    if (assigned < 1000) daemon_.Assign("t" + std::to_string(assigned++), Command("true", {}));
  }
  daemon_.WaitResults(1001);
  std::printf("1,000 commands, 16 slots: %s\n", absl::FormatDuration(absl::Now() - start).c_str());
}

}  // namespace
}  // namespace odw::executors
