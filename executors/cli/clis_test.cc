// The REAL claude and codex (tests/e2e/install_clis.sh) under the real executor, against the
// scripted model server. Skipped where they are not installed, unless ODW_REQUIRE_CLIS is set.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "executors/credential.h"
#include "executors/sandbox.h"
#include "executors/task/task_file.h"
#include "executors/testing/executor_process.h"
#include "executors/testing/fake_daemon.h"
#include "executors/testing/model_server.h"

namespace odw::executors {
namespace {

constexpr char kKey[] = "sk-test-51f0c0ffee-cli";
constexpr char kSchema[] =
    R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false})";

class ClisTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    program_ = std::string(ODW_CLIS) + "/" + GetParam();
    if (access(program_.c_str(), X_OK) != 0) {
      if (getenv("ODW_REQUIRE_CLIS") != nullptr)
        FAIL() << program_ << " is missing: tests/e2e/install_clis.sh";
      GTEST_SKIP() << program_ << " is not installed";
    }
    server_.Start(executor_.folder(), kKey);
    work_ = executor_.folder() + "/work";
    ASSERT_TRUE(MakeFolders(work_).ok());
    daemon_.Start();
  }
  void StartExecutor(const std::string& settings = "", const std::string& key = kKey) {
    executor_.WriteConfig("[" + GetParam() + "]\nprogram = \"" + program_ + "\"\n" + settings);
    key_ = key;
    Restart();
  }
  void Restart() {
    executor_.Start(GetParam(), {"--slots", "8"},
                    {"ANTHROPIC_BASE_URL=" + server_.url(), "ANTHROPIC_API_KEY=" + key_,
                     "OPENAI_BASE_URL=" + server_.url() + "/v1", "OPENAI_API_KEY=" + key_,
                     "ODW_UNRELATED=of-the-executor"});
    registered_ = daemon_.WaitRegister();
  }
  odw::v1::AgentRequest Request(const std::string& prompt, const std::string& schema = "") {
    auto request = Prompt(prompt);
    request.set_cwd(work_);
    request.set_schema_json(schema);
    request.set_schema_tries_max(3);
    return request;
  }
  odw::v1::Result Ask(const odw::v1::AgentRequest& request) {
    const std::string token = "t" + std::to_string(++serial_);
    daemon_.Assign(token, request);
    return daemon_.WaitResult(token);
  }
  odw::v1::Result Ask(const std::string& prompt, const std::string& schema = "") {
    return Ask(Request(prompt, schema));
  }
  bool IsClaude() const { return GetParam() == "claude"; }
  // The CLI's own process of a task, told from its supervisor and its children by its program.
  pid_t CliOf(const std::string& token) {
    pid_t found = 0;
    EXPECT_TRUE(Eventually([&] {
      for (const pid_t pid : executor_.ProcessesOfTask(token)) {
        std::error_code error;
        const std::string exe =
            std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
        // codex runs its sandbox by the same program; the first one is it.
        if (exe.find(GetParam()) != std::string::npos && (found == 0 || pid < found)) found = pid;
      }
      return found != 0;
    }));
    return found;
  }
  std::string work_, program_, key_;
  ExecutorProcess executor_;
  ModelServer server_;
  FakeDaemon daemon_{executor_.socket_path()};
  odw::v1::Register registered_;
  int serial_ = 0;
};

TEST_P(ClisTest, AnswersWithTextUsageSessionAndVersion) {
  StartExecutor();
  EXPECT_EQ(registered_.runtime(), GetParam());
  EXPECT_FALSE(registered_.runtime_version().empty());
  EXPECT_TRUE(registered_.supervised());
  const odw::v1::Result result = Ask("hello [[usage:in=1000,out=50,cache=800]]");
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_EQ(result.value(), "echo: hello");
  EXPECT_FALSE(result.session_id().empty());
  EXPECT_EQ(result.usage().input_tokens(), 200u) << result.usage().DebugString();
  EXPECT_EQ(result.usage().cached_input_tokens(), 800u);
  EXPECT_EQ(result.usage().output_tokens(), 50u);
  EXPECT_GT(result.usage().cost_micros(), 0);
  EXPECT_FALSE(
      std::filesystem::exists(executor_.state_folder() + "/work/t1"));  // nothing is left behind
}

TEST_P(ClisTest, AStructuredAnswerIsNativeRepairedOrGivenUp) {
  StartExecutor();
  const odw::v1::Result native = Ask(R"(s1 [[json:{"n":7}]])", kSchema);
  EXPECT_EQ(native.value(), R"({"n":7})") << native.DebugString();
  EXPECT_EQ(native.schema_path(), odw::v1::SCHEMA_PATH_NATIVE);
  const odw::v1::Result list =
      Ask(R"(s2 [[json:{"value":[1,2]}]])", R"({"type":"array","items":{"type":"integer"}})");
  EXPECT_EQ(list.value(), "[1,2]") << list.DebugString();
  const odw::v1::Result prose = Ask("s3 [[say:I would rather not.]]", kSchema);
  EXPECT_EQ(prose.error().category(), odw::v1::SCHEMA) << prose.DebugString();
  EXPECT_NE(prose.error().message().find("3 tries"), std::string::npos) << prose.error().message();
  EXPECT_EQ(prose.repair_turns(), 2u);
  EXPECT_EQ(prose.raw_text(), "I would rather not.");
  const odw::v1::Result off = Ask("s4 [[offschema]]", kSchema);
  EXPECT_EQ(off.error().category(), odw::v1::SCHEMA) << off.DebugString();
}

TEST_P(ClisTest, AnAnswerOffSchemaIsAskedForAgainInItsSession) {
  StartExecutor();
  // Not strict, so codex gets it in the prompt; claude talks once and is nudged.
  const odw::v1::Result result = Ask(R"(r1 [[offschema:1]] [[json:{"n":5}]])", kSchema);
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_EQ(result.value(), R"({"n":5})");
  if (!IsClaude()) {  // claude repairs it by itself, within the turn
    EXPECT_EQ(result.repair_turns(), 1u);
    EXPECT_EQ(result.schema_path(), odw::v1::SCHEMA_PATH_REPAIRED);
  }
}

TEST_P(ClisTest, AForeignSchemaIsPutIntoThePrompt) {
  StartExecutor();
  // codex: not strict. claude: names a draft that its validator does not know, and it is taken all
  // the same.
  const odw::v1::Result result = Ask(
      R"(f1 [[json:{"n":5}]])",
      R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})");
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_EQ(result.schema_path(),
            IsClaude() ? odw::v1::SCHEMA_PATH_NATIVE : odw::v1::SCHEMA_PATH_CONTRACT);
}

TEST_P(ClisTest, FilesAreEditedInTheNodesFolderAndReadOnlyHolds) {
  StartExecutor();
  const odw::v1::Result wrote = Ask("[[write:made.txt:hello]] [[run:echo more >> made.txt]] w1");
  ASSERT_TRUE(wrote.ok()) << wrote.DebugString();
  EXPECT_EQ(ReadFile(work_ + "/made.txt", 100).value_or("none"), "hellomore\n");
  EXPECT_EQ(wrote.usage().tool_calls(), 2u);
  auto request = Request("[[write:not.txt:x]] [[run:touch not2.txt]] w2");
  request.set_permission("read-only");
  EXPECT_TRUE(Ask(request).ok());
  EXPECT_FALSE(std::filesystem::exists(work_ + "/not.txt"));
  EXPECT_FALSE(std::filesystem::exists(work_ + "/not2.txt"));
}

TEST_P(ClisTest, CommandsWriteNowhereElse) {
  if (SandboxProgram().empty()) GTEST_SKIP() << "no bubblewrap that works here";
  StartExecutor();
  const std::string outside = "/var/tmp/odw-outside-" + std::to_string(getpid());
  const odw::v1::Result result = Ask("[[run:echo x > " + outside + "]] [[run:echo x > inside]] c1");
  EXPECT_TRUE(result.ok()) << result.DebugString();
  EXPECT_EQ(result.not_enforced_size(), 0) << result.DebugString();
  EXPECT_TRUE(std::filesystem::exists(work_ + "/inside"));
  EXPECT_FALSE(std::filesystem::remove(outside));
  auto request = Request("[[run:echo x > " + outside + "]] c2");
  request.set_permission("full");
  EXPECT_TRUE(Ask(request).ok());
  EXPECT_TRUE(std::filesystem::remove(outside));
}

TEST_P(ClisTest, ErrorsHaveTheirClasses) {
  StartExecutor("inner_retries = 0\n");
  EXPECT_EQ(Ask("e1 [[status:401]]").error().category(), odw::v1::AUTH);
  EXPECT_EQ(Ask("e2 [[status:429]]").error().category(), odw::v1::RATE_LIMIT);
  EXPECT_EQ(Ask("e3 [[status:500]]").error().category(), odw::v1::OVERLOADED);
  EXPECT_EQ(Ask("e4 [[context]]").error().category(), odw::v1::CONTEXT_LENGTH);
  EXPECT_EQ(Ask("e5 [[status:404]]").error().category(), odw::v1::MODEL_NOT_FOUND);
  EXPECT_EQ(Ask("e6 [[refuse]]").error().category(), odw::v1::REFUSED);
  const odw::v1::Result limited = Ask("e7 [[status:429:1]] [[retry-after:1]]");
  EXPECT_EQ(limited.error().category(), odw::v1::RATE_LIMIT) << limited.DebugString();
  // The session goes on where it stopped.
  ASSERT_FALSE(limited.session_id().empty());
  daemon_.AssignResumed("again", Request("e7 [[status:429:1]] [[retry-after:1]]"),
                        limited.session_id());
  const odw::v1::Result again = daemon_.WaitResult("again");
  EXPECT_EQ(again.session_id(), limited.session_id()) << again.DebugString();
}

TEST_P(ClisTest, AFewTriesAreTheClisOwn) {
  StartExecutor();
  EXPECT_TRUE(Ask("r1 [[status:429:1]] [[retry-after:1]]").ok());
}

TEST_P(ClisTest, ALongWaitGivesTheSlotBack) {
  StartExecutor();
  const odw::v1::Result limited = Ask("l1 [[status:429]] [[retry-after:30]]");
  EXPECT_EQ(limited.error().category(), odw::v1::RATE_LIMIT) << limited.DebugString();
  if (IsClaude()) {
    EXPECT_GE(limited.error().retry_after_ms(), 30'000u);
  }
  EXPECT_FALSE(limited.session_id().empty());
}

TEST_P(ClisTest, AWrongKeyIsAnAuthErrorAndIsNotShown) {
  StartExecutor("inner_retries = 0\n", "sk-wrong-key-1234567");
  const odw::v1::Result result = Ask("x [[say:sk-wrong-key-1234567]]");
  EXPECT_EQ(result.error().category(), odw::v1::AUTH) << result.DebugString();
  const auto spool = ReadFile(executor_.state_folder() + "/spool/results.log", 1 << 20);
  EXPECT_EQ(spool.value_or("").find("sk-wrong-key"), std::string::npos);
}

TEST_P(ClisTest, TheKeyIsTakenOutOfWhatACommandPrints) {
  StartExecutor();
  const odw::v1::Result result =
      Ask("[[run:env]] [[result]] [[say:key " + std::string(kKey) + " here]] k1");
  EXPECT_EQ(result.DebugString().find(kKey), std::string::npos) << result.DebugString();
}

TEST_P(ClisTest, TheShellHasNoKeyToPrint) {
  StartExecutor();
  const odw::v1::Result result =
      Ask("[[run:env; tr '\\0' '\\n' < /proc/$PPID/environ; cat <&3; timeout 1 cat "
          "/proc/$PPID/fd/3; echo end]] [[result]] k2");
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_NE(result.value().find("ODW_TASK="), std::string::npos) << result.value();
  EXPECT_NE(result.value().find("end"), std::string::npos) << result.value();
  // Neither is there, nor was it taken out afterwards.
  for (const char* trace :
       {kKey, "[redacted]", "ANTHROPIC_API_KEY=", "OPENAI_API_KEY=", "ODW_UNRELATED"}) {
    EXPECT_EQ(result.value().find(trace), std::string::npos) << result.value();
  }
}

TEST_P(ClisTest, WithoutANetworkOnlyTheApiIsReached) {
  if (SandboxProgram().empty()) GTEST_SKIP() << "no bubblewrap that works here";
  StartExecutor();
  const auto knock = [this](const std::string& url) {
    return "curl -s -o /dev/null " + url + "/__fake/health; echo status $?";
  };
  for (const char* permission : {"workspace-write", "full"}) {
    if (!IsClaude() && std::string(permission) == "full") break;  // codex has no sandbox then
    auto request = Request("[[run:" + knock(server_.url()) + "]] [[result]] n1");
    request.set_network("no");
    request.set_permission(permission);
    const odw::v1::Result result = Ask(request);
    ASSERT_TRUE(result.ok()) << permission << ": " << result.DebugString();
    EXPECT_EQ(result.not_enforced_size(), 0) << result.DebugString();
    EXPECT_EQ(result.value().find("status 0"), std::string::npos) << result.value();
    EXPECT_NE(result.value().find("status"), std::string::npos) << result.value();
  }
  auto request = Request("[[run:" + knock(server_.url()) + "]] [[result]] n2");
  request.set_network("yes");
  EXPECT_NE(Ask(request).value().find("status 0"), std::string::npos);
}

TEST_P(ClisTest, WithoutANetworkACancelledOneLeavesNothing) {
  StartExecutor();
  auto request = Request("c2 [[run:echo x > begun; sleep 300]]");
  request.set_network("no");
  daemon_.Assign("c", request);
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(work_ + "/begun"); }));
  daemon_.Cancel("c");
  EXPECT_EQ(daemon_.WaitResult("c").error().category(), odw::v1::CANCELLED);
  EXPECT_TRUE(executor_.ProcessesOfTask("c").empty());
}

TEST_P(ClisTest, AnyModelAndTheKeysIdReachTheirPlaces) {
  StartExecutor();
  EXPECT_EQ(registered_.models_size(), 0);  // any is served
  ASSERT_EQ(registered_.credentials_size(), 1) << registered_.DebugString();
  EXPECT_EQ(registered_.credentials(0).provider(), IsClaude() ? "anthropic" : "openai");
  EXPECT_EQ(registered_.credentials(0).key_id(), KeyId(kKey));
  auto request = Request("m1");
  request.set_model("vendor/unheard-of-9");
  const odw::v1::Result result = Ask(request);
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_EQ(result.model(), "vendor/unheard-of-9");
  request.set_model("--help");
  EXPECT_EQ(Ask(request).error().category(), odw::v1::INVALID_REQUEST);
}

TEST_P(ClisTest, ANodeMayHaveAHomeOfItsOwn) {
  StartExecutor("home_per_node = true\n");
  const std::string homes = executor_.state_folder() + "/homes";
  const odw::v1::Result failed = Ask("h1 [[status:429]] [[retry-after:30]]");
  EXPECT_FALSE(failed.ok()) << failed.DebugString();
  EXPECT_FALSE(std::filesystem::is_empty(homes));  // its session may be gone on with
  // A CLI that is ended before the model has said anything may not have written it.
  bool written = false;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(homes)) {
    written |= entry.path().filename().string().find(failed.session_id()) != std::string::npos;
  }
  daemon_.AssignResumed("again", Request("h2 [[run:echo $HOME]] [[result]]"), failed.session_id());
  const odw::v1::Result good = daemon_.WaitResult("again");
  ASSERT_TRUE(good.ok()) << good.DebugString();
  EXPECT_NE(good.value().find(homes + "/"), std::string::npos) << good.value();
  if (written) {
    EXPECT_EQ(good.session_id(), failed.session_id());
  }
  EXPECT_TRUE(Eventually([&] { return std::filesystem::is_empty(homes); }));
}

TEST_P(ClisTest, AListOfToolsIsHeldAsFarAsTheCliCan) {
  StartExecutor();
  // codex's server writes with its shell where it may; here with the tool that is for that alone.
  const auto write = [this](const std::string& name) {
    return IsClaude() ? "[[write:" + name + ":x]]"
                      : "[[tool:apply_patch:*** Begin Patch\\n*** Add File: " + name +
                            "\\n+x\\n*** End Patch]]";
  };
  auto request = Request("[[run:touch ran]] " + write("written.txt") + " t1");
  request.add_tools("Edit");
  request.add_tools("Write");
  const odw::v1::Result edits = Ask(request);
  ASSERT_TRUE(edits.ok()) << edits.DebugString();
  EXPECT_EQ(edits.not_enforced_size(), 0) << edits.DebugString();
  EXPECT_FALSE(std::filesystem::exists(work_ + "/ran"));
  EXPECT_TRUE(std::filesystem::exists(work_ + "/written.txt"));
  request = Request(write("not.txt") + " t2");
  request.add_tools("Read");
  const odw::v1::Result reads = Ask(request);
  EXPECT_TRUE(reads.ok()) << reads.DebugString();
  EXPECT_EQ(reads.not_enforced_size(), IsClaude() ? 0 : 1) << reads.DebugString();
  EXPECT_FALSE(std::filesystem::exists(work_ + "/not.txt"));
}

TEST_P(ClisTest, ThePoolsLimitsHoldForEveryNode) {
  StartExecutor("[executor]\ntools = [\"Read\"]\nnetwork = \"no\"\n");
  auto request = Request("[[run:touch ran]] p1");
  request.add_tools("Bash");
  request.set_permission("full");
  const odw::v1::Result result = Ask(request);
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_FALSE(std::filesystem::exists(work_ + "/ran"));
}

TEST_P(ClisTest, AHangEndsByItsClocks) {
  StartExecutor();
  auto request = Request("h1 [[hang]]");
  request.set_timeout_ms(3000);
  const odw::v1::Result timeout = Ask(request);
  EXPECT_EQ(timeout.error().category(), odw::v1::TIMEOUT) << timeout.DebugString();
  request = Request("h2 [[stall]]");
  request.set_stall_ms(3000);
  EXPECT_EQ(Ask(request).error().category(), odw::v1::STALL);
  EXPECT_TRUE(executor_.ProcessesOfTask("t1").empty());
  EXPECT_TRUE(executor_.ProcessesOfTask("t2").empty());
}

TEST_P(ClisTest, EventsPastTheirBoundEndIt) {
  StartExecutor("output_bytes_max = 65536\n");
  const odw::v1::Result result = Ask("o1 [[big:200]]");
  EXPECT_EQ(result.error().category(), odw::v1::OUTPUT_TOO_LARGE) << result.DebugString();
}

TEST_P(ClisTest, ABudgetOfOutputEndsIt) {
  StartExecutor();
  auto request = Request("b1 [[loop:sleep 0.3]] [[usage:in=10,out=1000]]");
  request.set_output_tokens_max(3000);
  const odw::v1::Result result = Ask(request);
  EXPECT_EQ(result.error().category(), odw::v1::BUDGET) << result.DebugString();
  EXPECT_GE(result.usage().output_tokens(), 3000u);
  EXPECT_LE(result.usage().output_tokens(), 6000u);
}

TEST_P(ClisTest, ACancelledOnePaysItsCallsAndTheNextOneItsOwn) {
  StartExecutor();
  daemon_.Assign(
      "c", Request("u1 [[run:echo x > begun; sleep 300]] [[usage:in=1000,out=50,cache=800]]"));
  ASSERT_TRUE(Eventually([&] { return daemon_.UsageTold("c").output_tokens() == 50; }));
  EXPECT_EQ(daemon_.UsageTold("c").input_tokens(), 200u);
  EXPECT_EQ(daemon_.UsageTold("c").cached_input_tokens(), 800u);
  EXPECT_GT(daemon_.UsageTold("c").cost_micros(), 0);
  daemon_.Cancel("c");
  const odw::v1::Result cancelled = daemon_.WaitResult("c");
  EXPECT_EQ(cancelled.error().category(), odw::v1::CANCELLED);
  EXPECT_EQ(cancelled.usage().output_tokens(), 50u) << cancelled.usage().DebugString();
  EXPECT_EQ(cancelled.usage().model_calls(), 1u);
  ASSERT_FALSE(cancelled.session_id().empty());
  daemon_.AssignResumed("again", Request("u2 [[usage:in=1000,out=70,cache=800]]"),
                        cancelled.session_id());
  const odw::v1::Result resumed = daemon_.WaitResult("again");
  EXPECT_EQ(resumed.session_id(), cancelled.session_id());
  EXPECT_EQ(resumed.usage().output_tokens(), 70u) << resumed.usage().DebugString();
  EXPECT_EQ(resumed.usage().input_tokens(), 200u);
}

TEST_P(ClisTest, CancelEndsTheCliAndItsCommands) {
  StartExecutor();
  daemon_.Assign("c", Request("c1 [[run:echo x > begun; sleep 300]]"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(work_ + "/begun"); }));
  daemon_.Cancel("c");
  EXPECT_EQ(daemon_.WaitResult("c").error().category(), odw::v1::CANCELLED);
  EXPECT_TRUE(executor_.ProcessesOfTask("c").empty());
}

TEST_P(ClisTest, AKilledCliIsACrashWithItsSessionToResume) {
  StartExecutor();
  daemon_.Assign("k", Request("k1 [[run:echo x > begun; sleep 300]]"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(work_ + "/begun"); }));
  kill(CliOf("k"), SIGKILL);
  const odw::v1::Result result = daemon_.WaitResult("k");
  EXPECT_EQ(result.error().category(), odw::v1::CRASHED) << result.DebugString();
  EXPECT_TRUE(executor_.ProcessesOfTask("k").empty());  // its shell too
  ASSERT_FALSE(result.session_id().empty());
  daemon_.AssignResumed("k2", Request("k2 [[say:went on]]"), result.session_id());
  const odw::v1::Result resumed = daemon_.WaitResult("k2");
  EXPECT_EQ(resumed.value(), "went on") << resumed.DebugString();
  EXPECT_EQ(resumed.session_id(), result.session_id());
}

TEST_P(ClisTest, AnUnknownSessionBegins) {
  StartExecutor();
  daemon_.AssignResumed("u", Request("u1"), "0197e2f0-0000-7000-8000-000000000000");
  const odw::v1::Result result = daemon_.WaitResult("u");
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_NE(result.session_id(), "0197e2f0-0000-7000-8000-000000000000");
}

TEST_P(ClisTest, TheExecutorsDeathLosesNothingAndRepeatsNothing) {
  StartExecutor();
  daemon_.Assign(
      "d",
      Request("d1 [[run:echo x >> begun; while [ ! -e go ]; do sleep 0.1; done]] [[say:done]]"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(work_ + "/begun"); }));
  executor_.Kill();
  Restart();
  ASSERT_EQ(registered_.held_size(), 1);
  EXPECT_EQ(registered_.held(0).token(), "d");
  ASSERT_TRUE(WriteFileAtomically(work_ + "/go", "").ok());
  const odw::v1::Result result = daemon_.WaitResult("d");
  EXPECT_EQ(result.value(), "done") << result.DebugString();
  EXPECT_EQ(CountLines(work_ + "/begun"), 1);
  EXPECT_GT(result.usage().input_tokens(), 0u);
}

TEST_P(ClisTest, ARepairTurnIsAdoptedWithWhatCameBefore) {
  if (IsClaude()) return;  // it repairs within its turn
  StartExecutor();
  daemon_.Assign(
      "r", Request(R"([[slow:1500]] [[offschema:1]] [[json:{"n":5}]] [[usage:in=100,out=10]] ra)",
                   kSchema));
  // With its supervisor: one that is not handed over yet is lost with the executor, and run again.
  ASSERT_TRUE(Eventually([&] {
    absl::StatusOr<TaskFile> file = TaskFile::Open(executor_.state_folder() + "/tasks/r.1");
    if (!file.ok()) return false;
    const absl::StatusOr<TaskRecord> record = file->Load();
    return record.ok() && record->owner.has_value();
  }));
  executor_.Kill();
  Restart();
  ASSERT_EQ(registered_.held_size(), 1);
  EXPECT_EQ(registered_.held(0).token(), "r");
  const odw::v1::Result result = daemon_.WaitResult("r");
  EXPECT_EQ(result.value(), R"({"n":5})") << result.DebugString();
  EXPECT_EQ(result.repair_turns(), 1u);
  EXPECT_EQ(result.usage().output_tokens(), 20u) << result.usage().DebugString();
  EXPECT_TRUE(
      Eventually([&] { return std::filesystem::is_empty(executor_.state_folder() + "/tasks"); }));
}

TEST_P(ClisTest, ARepositorysOwnSettingsRunNothing) {
  ASSERT_TRUE(MakeFolders(work_ + "/.claude").ok());
  ASSERT_TRUE(WriteFileAtomically(
                  work_ + "/.claude/settings.json",
                  R"({"hooks":{"SessionStart":[{"hooks":[{"type":"command","command":"touch )" +
                      work_ + R"(/hooked"}]}]}})")
                  .ok());
  StartExecutor();
  EXPECT_TRUE(Ask("x").ok());
  EXPECT_FALSE(std::filesystem::exists(work_ + "/hooked"));
}

INSTANTIATE_TEST_SUITE_P(Real, ClisTest, testing::Values("claude", "codex"),
                         [](const testing::TestParamInfo<std::string>& info) {
                           return info.param;
                         });

TEST(ClisRefusal, AMissingOrOldCliIsNamed) {
  ExecutorProcess executor;
  executor.WriteConfig("[claude]\nprogram = \"/nonexistent/claude\"\n");
  executor.Start("claude");
  EXPECT_EQ(executor.WaitExit(), 1);
  ASSERT_TRUE(
      WriteFileAtomically(executor.folder() + "/old", "#!/bin/sh\necho '0.1.2 (Claude Code)'\n")
          .ok());
  ASSERT_EQ(chmod((executor.folder() + "/old").c_str(), 0755), 0);
  executor.WriteConfig("[claude]\nprogram = \"" + executor.folder() + "/old\"\n");
  executor.Start("claude");
  EXPECT_EQ(executor.WaitExit(), 1);
}

}  // namespace
}  // namespace odw::executors
