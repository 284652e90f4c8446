// bamboo as a coding agent: the real binary against the scripted model server, in each provider's
// dialect.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "executors/credential.h"
#include "executors/sandbox.h"
#include "executors/testing/executor_process.h"
#include "executors/testing/fake_daemon.h"
#include "executors/testing/model_server.h"

namespace odw::executors {
namespace {

constexpr char kKey[] = "sk-test-51f0c0ffee-agent";

class BambooAgentTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.Start(executor_.folder(), kKey);
    work_ = executor_.folder() + "/work";
    ASSERT_TRUE(MakeFolders(work_).ok());
    daemon_.Start();
  }
  void StartExecutor(const std::string& settings = "",
                     const std::string& provider = "openai-compatible") {
    executor_.WriteConfig("[bamboo]\nprovider = \"" + provider + "\"\n" + settings);
    Restart();
  }
  void Restart() {
    std::vector<std::string> env = {"ODW_BAMBOO_BASE_URL=", "ODW_BAMBOO_API_KEY="};
    for (const auto& [name, path] :
         std::vector<std::pair<std::string, std::string>>{{"DEEPSEEK", "deepseek"},
                                                          {"KIMI", "kimi/v1"},
                                                          {"QWEN", "qwen/v1"},
                                                          {"ZHIPU", "zhipu/v4"},
                                                          {"MINIMAX", "minimax/v1"},
                                                          {"STEPFUN", "stepfun/v1"},
                                                          {"XIAOMI", "xiaomi/v1"}}) {
      env.push_back(name + "_API_KEY=" + kKey);
      env.push_back(name + "_BASE_URL=" + server_.url() + "/" + path);
    }
    executor_.Start("bamboo", {"--slots", "50"}, env);
    registered_ = daemon_.WaitRegister();
  }
  odw::v1::AgentRequest Request(const std::string& prompt,
                                const std::string& provider = "deepseek") {
    auto request = Prompt(prompt);
    request.set_cwd(work_);
    request.set_provider(provider);
    return request;
  }
  odw::v1::Result Ask(const odw::v1::AgentRequest& request) {
    const std::string token = "t" + std::to_string(++serial_);
    daemon_.Assign(token, request);
    return daemon_.WaitResult(token);
  }
  // The models that are offered by name: one a provider.
  std::vector<odw::v1::Model> Named() const {
    std::vector<odw::v1::Model> named;
    for (const odw::v1::Model& model : registered_.models()) {
      if (model.name() != "*") named.push_back(model);
    }
    EXPECT_EQ(named.size(), 7u);
    return named;
  }
  std::string work_;
  ExecutorProcess executor_;
  ModelServer server_;
  FakeDaemon daemon_{executor_.socket_path()};
  odw::v1::Register registered_;
  int serial_ = 0;
};

TEST_F(BambooAgentTest, EveryProviderEditsFilesAndReasons) {
  StartExecutor();
  for (const odw::v1::Model& model : Named()) {
    const std::string& name = model.provider();
    auto request =
        Request("[[think:let me see]] [[write:" + name + ".txt:hello]] [[run:cat " + name +
                    ".txt]] [[result]] [[usage:in=1000,out=50,cache=800,think=20]]",
                name);
    request.set_effort("high");
    const odw::v1::Result result = Ask(request);
    ASSERT_TRUE(result.ok()) << name << ": " << result.DebugString();
    EXPECT_EQ(result.value(), "hello") << name;
    EXPECT_EQ(ReadFile(work_ + "/" + name + ".txt", 100).value_or(""), "hello") << name;
    EXPECT_EQ(result.provider(), name);
    EXPECT_EQ(result.model(), model.name());
    EXPECT_EQ(result.usage().model_calls(), 3u) << name;
    EXPECT_EQ(result.usage().tool_calls(), 2u) << name;
    EXPECT_EQ(result.usage().cached_input_tokens(), 2400u) << name << result.usage().DebugString();
    EXPECT_EQ(result.usage().input_tokens(), 600u) << name;
    EXPECT_GT(result.usage().cost_micros(), 0) << name;
    EXPECT_EQ(result.usage().currency(), model.currency()) << name;
  }
}

TEST_F(BambooAgentTest, EveryProviderSaysWhatWentWrong) {
  StartExecutor();
  for (const odw::v1::Model& model : Named()) {
    const std::string& name = model.provider();
    EXPECT_EQ(Ask(Request("a [[status:429]]", name)).error().category(), odw::v1::RATE_LIMIT)
        << name;
    EXPECT_EQ(Ask(Request("b [[quota]]", name)).error().category(), odw::v1::QUOTA) << name;
    EXPECT_EQ(Ask(Request("c [[status:401]]", name)).error().category(), odw::v1::AUTH) << name;
    EXPECT_EQ(Ask(Request("d [[status:500]]", name)).error().category(), odw::v1::OVERLOADED)
        << name;
    EXPECT_EQ(Ask(Request("e [[refuse]]", name)).error().category(), odw::v1::REFUSED) << name;
  }
  const odw::v1::Error none = Ask(Request("x", "nobody")).error();
  EXPECT_EQ(none.category(), odw::v1::UNSUPPORTED);
  EXPECT_NE(none.message().find("deepseek"), std::string::npos) << none.message();
}

TEST_F(BambooAgentTest, EachProviderTakesAnyModelAndNamesItsKey) {
  StartExecutor();
  std::set<std::string> wild;
  for (const odw::v1::Model& model : registered_.models()) {
    if (model.name() != "*") continue;
    EXPECT_EQ(model.currency(), "");
    wild.insert(model.provider());
  }
  EXPECT_EQ(wild.size(), 7u);
  ASSERT_EQ(registered_.credentials_size(), 7);
  for (const odw::v1::Credential& credential : registered_.credentials()) {
    EXPECT_EQ(wild.count(credential.provider()), 1u);
    EXPECT_EQ(credential.key_id(), KeyId(kKey));
  }
  auto request = Request("m1", "zhipu");
  request.set_model("glm-of-tomorrow");
  const odw::v1::Result result = Ask(request);
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_EQ(result.model(), "glm-of-tomorrow");
  EXPECT_GT(result.usage().output_tokens(), 0u);
  EXPECT_EQ(result.usage().currency(), "");  // not at the price of another model
}

TEST_F(BambooAgentTest, ASchemaNodeMayUseToolsFirst) {
  StartExecutor();
  auto request = Request(R"([[write:a.txt:x]] [[offschema:1]] [[json:{"n":3}]])");
  request.set_schema_json(
      R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})");
  request.set_schema_tries_max(2);
  const odw::v1::Result result = Ask(request);
  EXPECT_EQ(result.value(), R"({"n":3})") << result.DebugString();
  EXPECT_EQ(result.repair_turns(), 1u);
  EXPECT_TRUE(std::filesystem::exists(work_ + "/a.txt"));
}

TEST_F(BambooAgentTest, WrongCallsAreAnsweredAndParallelOnesAllCarriedOut) {
  StartExecutor("turns_max = 20\n");
  const odw::v1::Result wrong =
      Ask(Request("[[badargs:read]] [[tool:read:{}]] [[write:b.txt:y]] done"));
  EXPECT_TRUE(wrong.ok()) << wrong.DebugString();
  EXPECT_TRUE(std::filesystem::exists(work_ + "/b.txt"));
  const odw::v1::Result parallel = Ask(Request(
      "[[parallel]] [[write:p1.txt:1]] [[write:p2.txt:2]] [[run:cat p1.txt p2.txt]] [[result]]"));
  EXPECT_EQ(parallel.value(), "12") << parallel.DebugString();
  EXPECT_EQ(parallel.usage().model_calls(), 2u);
}

TEST_F(BambooAgentTest, LimitsHold) {
  StartExecutor("turns_max = 4\ncommand_timeout_ms = 300\n");
  const odw::v1::Result endless = Ask(Request("[[loop:echo again]] l1"));
  EXPECT_TRUE(endless.ok()) << endless.DebugString();  // the last turn has no tools
  EXPECT_EQ(endless.usage().model_calls(), 5u);
  const odw::v1::Result slow = Ask(Request("[[run:sleep 60]] [[result]] l2"));
  EXPECT_NE(slow.value().find("too long"), std::string::npos) << slow.DebugString();
  const odw::v1::Result large = Ask(Request("[[run:yes | head -c 5000000]] [[result]] l3"));
  EXPECT_LT(large.value().size(), 30'000u);
  EXPECT_NE(large.value().find("left out"), std::string::npos);
}

TEST_F(BambooAgentTest, TheFolderAndThePermissionAreTheBounds) {
  StartExecutor();
  const odw::v1::Result out = Ask(Request("[[write:../outside.txt:x]] [[result]] o1"));
  EXPECT_NE(out.value().find("error"), std::string::npos) << out.DebugString();
  EXPECT_FALSE(std::filesystem::exists(executor_.folder() + "/outside.txt"));
  auto request = Request("[[write:no.txt:x]] [[run:touch no.txt]] o2");
  request.set_permission("read-only");
  EXPECT_TRUE(Ask(request).ok());
  EXPECT_FALSE(std::filesystem::exists(work_ + "/no.txt"));
  const odw::v1::Result env = Ask(Request("[[run:env]] [[result]] o3"));
  EXPECT_EQ(env.value().find("API_KEY"), std::string::npos) << env.value();  // by allowlist
}

TEST_F(BambooAgentTest, CommandsWriteNowhereElse) {
  if (SandboxProgram().empty()) GTEST_SKIP() << "no bubblewrap that works here";
  StartExecutor();
  const std::string outside = "/var/tmp/odw-outside-" + std::to_string(getpid());
  const odw::v1::Result refused = Ask(Request("[[run:echo x > " + outside + "]] [[result]] s1"));
  EXPECT_NE(refused.value().find("Read-only"), std::string::npos) << refused.DebugString();
  EXPECT_FALSE(std::filesystem::remove(outside));
  // Without a network of its own, not even the model server on loopback is there.
  const std::string knock =
      "curl -s -o /dev/null " + server_.url() + "/__fake/health; echo status $?";
  EXPECT_NE(Ask(Request("[[run:" + knock + "]] [[result]] s2")).value().find("status 0"),
            std::string::npos);
  auto request = Request("[[run:" + knock + "]] [[result]] s3");
  request.set_network("no");
  EXPECT_NE(Ask(request).value().find("status 7"), std::string::npos);
  request.set_permission("full");
  EXPECT_NE(Ask(request).value().find("status 7"), std::string::npos);
}

TEST_F(BambooAgentTest, ABudgetOfOutputEndsItAndClampsEachCall) {
  StartExecutor();
  auto request = Request("[[loop:echo again]] [[usage:in=10,out=40]] b1");
  request.set_output_tokens_max(100);
  const odw::v1::Result result = Ask(request);
  EXPECT_EQ(result.error().category(), odw::v1::BUDGET) << result.DebugString();
  EXPECT_EQ(result.usage().model_calls(), 3u);
}

TEST_F(BambooAgentTest, CommandsSeeNoOtherProcesses) {
  if (SandboxProgram().empty()) GTEST_SKIP() << "no bubblewrap that works here";
  StartExecutor();
  const odw::v1::Result result = Ask(Request("[[run:kill -0 " + std::to_string(executor_.pid()) +
                                             " && echo there || echo none]] [[result]] p1"));
  EXPECT_NE(result.value().find("none"), std::string::npos) << result.DebugString();
}

TEST_F(BambooAgentTest, AKilledExecutorGoesOnFromItsTurn) {
  StartExecutor();
  daemon_.Assign(
      "k",
      Request(
          "[[run:echo one >> log]] [[run:echo two >> log; while [ ! -e go ]; do sleep 0.05; done]] "
          "[[run:echo three >> log]] [[result]] [[say:done]]"));
  ASSERT_TRUE(Eventually([&] { return CountLines(work_ + "/log") == 2; }));
  executor_.Kill();
  ASSERT_TRUE(WriteFileAtomically(work_ + "/go", "").ok());
  Restart();
  ASSERT_EQ(registered_.held_size(), 1);
  const odw::v1::Result result = daemon_.WaitResult("k");
  EXPECT_EQ(result.value(), "done") << result.DebugString();
  EXPECT_EQ(ReadFile(work_ + "/log", 100).value_or(""), "one\ntwo\nthree\n");  // none was repeated
  EXPECT_EQ(result.usage().model_calls(), 4u);
  EXPECT_TRUE(executor_.ProcessesOfTask("k").empty());
}

TEST_F(BambooAgentTest, AFailedTaskIsGoneOnWithByAnotherAttempt) {
  StartExecutor();
  const odw::v1::Result failed = Ask(Request("[[write:s.txt:1]] [[midfail:1]] s1"));
  EXPECT_EQ(failed.error().category(), odw::v1::OVERLOADED) << failed.DebugString();
  ASSERT_EQ(failed.session_id(), "t1");
  daemon_.AssignResumed("r", Request("[[write:s.txt:1]] [[midfail:1]] s1"), "t1");
  const odw::v1::Result again = daemon_.WaitResult("r");
  EXPECT_TRUE(again.ok()) << again.DebugString();
  EXPECT_EQ(std::filesystem::exists(executor_.state_folder() + "/turns/r"), false);
}

TEST_F(BambooAgentTest, CancelEndsItsCommandsAndTheirChildren) {
  StartExecutor();
  daemon_.Assign("c", Request("[[run:(setsid sleep 300 &) ; echo x > begun; sleep 300]]"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(work_ + "/begun"); }));
  daemon_.Cancel("c");
  EXPECT_EQ(daemon_.WaitResult("c").error().category(), odw::v1::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return executor_.ProcessesOfTask("c").empty(); }));
}

}  // namespace
}  // namespace odw::executors
