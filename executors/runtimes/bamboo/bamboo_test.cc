// The bamboo runtime of the real binary against the scripted model server in tests/fakes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "executors/testing/executor_process.h"
#include "executors/testing/fake_daemon.h"
#include "executors/testing/model_server.h"

namespace odw::executors {
namespace {

constexpr char kKey[] = "sk-test-51f0c0ffee";

class BambooTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.Start(executor_.folder(), kKey);
    daemon_.Start();
  }
  void StartExecutor(const std::string& config = "", const std::string& key = kKey,
                     const std::string& path = "") {
    executor_.WriteConfig("[bamboo]\nmodel = \"fake-1\"\n" + config);
    executor_.Start("bamboo", {"--log-level", "debug", "--slots", "300"},
                    {"ODW_BAMBOO_BASE_URL=" + (url_.empty() ? server_.url() : url_) + path,
                     "ODW_BAMBOO_API_KEY=" + key});
    daemon_.WaitRegister();
  }
  odw::v1::Result Ask(const std::string& prompt, const std::string& schema = "") {
    const std::string token = "t" + std::to_string(++serial_);
    auto request = Prompt(prompt);
    request.set_schema_json(schema);
    request.set_schema_tries_max(3);
    daemon_.Assign(token, request);
    return daemon_.WaitResult(token);
  }
  odw::v1::Error ErrorOf(const std::string& prompt) { return Ask(prompt).error(); }

  ExecutorProcess executor_;
  FakeDaemon daemon_{executor_.socket_path()};
  ModelServer server_;
  std::string url_;  // empty: the server's
  int serial_ = 0;
};

TEST_F(BambooTest, AnswersWithTextUsageAndModel) {
  StartExecutor("currency = \"USD\"\ninput_micros_per_mtok = 1000000\noutput_micros_per_mtok = 2000000\n"
                "cached_micros_per_mtok = 100000\n");
  const odw::v1::Result result = Ask("hello [[usage:in=1000,out=50,cache=800,think=20]]");
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_NE(result.value().find("hello"), std::string::npos);
  EXPECT_EQ(result.model(), "fake-1");
  EXPECT_EQ(result.usage().cached_input_tokens(), 800u) << result.usage().DebugString();
  EXPECT_EQ(result.usage().output_tokens(), 50u);
  EXPECT_EQ(result.usage().reasoning_tokens(), 20u);
  EXPECT_EQ(result.usage().model_calls(), 1u);
  EXPECT_EQ(result.usage().cost_micros(),
            static_cast<int64_t>(result.usage().input_tokens()) + 800 / 10 + 50 * 2);
}

TEST_F(BambooTest, ErrorsHaveTheirClasses) {
  StartExecutor();
  const odw::v1::Error limited = ErrorOf("a [[status:429]] [[retry-after:7]]");
  EXPECT_EQ(limited.category(), odw::v1::RATE_LIMIT) << limited.DebugString();
  EXPECT_EQ(limited.retry_after_ms(), 7000u);
  EXPECT_EQ(ErrorOf("b [[status:401]]").category(), odw::v1::AUTH);
  EXPECT_EQ(ErrorOf("c [[status:500]]").category(), odw::v1::OVERLOADED);
  EXPECT_EQ(ErrorOf("d [[status:404]]").category(), odw::v1::MODEL_NOT_FOUND);
  EXPECT_EQ(ErrorOf("e [[status:400]]").category(), odw::v1::INVALID_REQUEST);
  EXPECT_EQ(ErrorOf("f [[quota]]").category(), odw::v1::QUOTA);
  EXPECT_EQ(ErrorOf("g [[context]]").category(), odw::v1::CONTEXT_LENGTH);
  EXPECT_EQ(ErrorOf("h [[drop]]").category(), odw::v1::NETWORK);
  EXPECT_EQ(ErrorOf("i [[truncate]]").category(), odw::v1::NETWORK);
  EXPECT_EQ(ErrorOf("j [[garbage]]").category(), odw::v1::CRASHED);
  EXPECT_EQ(ErrorOf("k [[refuse]]").category(), odw::v1::REFUSED);
  EXPECT_EQ(ErrorOf("l [[cut]]").category(), odw::v1::OUTPUT_TOO_LARGE);
  EXPECT_EQ(ErrorOf("m [[midfail]]").category(), odw::v1::OVERLOADED);
  EXPECT_EQ(Ask("n [[empty]]").value(), "");
}

TEST_F(BambooTest, AStalledStreamAndASilentServerEnd) {
  // Above the wall clock of "c": on a busy machine a trickle may pause for long.
  StartExecutor("idle_timeout_ms = 1500\n");
  EXPECT_EQ(ErrorOf("a [[stall]]").category(), odw::v1::STALL);
  EXPECT_EQ(ErrorOf("b [[hang]]").category(), odw::v1::STALL);
  auto request = Prompt("c [[trickle:100]] [[big:64]]");
  request.set_timeout_ms(700);
  daemon_.Assign("c", request);
  EXPECT_EQ(daemon_.WaitResult("c").error().category(), odw::v1::TIMEOUT);
}

TEST_F(BambooTest, CancelEndsARequest) {
  StartExecutor();
  daemon_.Assign("t", Prompt("[[hang]]"));
  daemon_.Cancel("t");
  EXPECT_EQ(daemon_.WaitResult("t").error().category(), odw::v1::CANCELLED);
}

TEST_F(BambooTest, TheKeyIsNeitherInErrorsNorOnTheDisk) {
  StartExecutor("", "sk-wrong-key-1234567");
  const odw::v1::Error error = ErrorOf("x [[say:sk-wrong-key-1234567]]");
  EXPECT_EQ(error.category(), odw::v1::AUTH);
  EXPECT_EQ(error.message().find("sk-wrong-key-1234567"), std::string::npos) << error.message();
  const auto spool = ReadFile(executor_.state_folder() + "/spool/results.log", 1 << 20);
  ASSERT_TRUE(spool.ok());
  EXPECT_EQ(spool->find("sk-wrong-key"), std::string::npos);
}

TEST_F(BambooTest, AKeyThatComesInPiecesIsTakenOutOfTheAnswer) {
  StartExecutor();
  const odw::v1::Result result = Ask("[[trickle:1]] [[say:it is " + std::string(kKey) + ".]] x");
  EXPECT_EQ(result.value(), "it is [redacted].") << result.DebugString();
}

TEST_F(BambooTest, ASchemaThatCannotBeCheckedInTimeIsAFailureOfTheSchema) {
  StartExecutor();
  const odw::v1::Result result =
      Ask(R"([[json:{"s":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}]] v1)",
          R"({"type":"object","properties":{"s":{"type":"string","pattern":"^(a+)+$"}}})");
  EXPECT_EQ(result.error().category(), odw::v1::SCHEMA) << result.DebugString();
  EXPECT_NE(result.raw_text().find("aaaa"), std::string::npos);  // it was paid for
  // Neither the checker nor its next question suffers.
  EXPECT_EQ(Ask(R"([[json:{"n":5}]] v2)", R"({"type":"object"})").value(), R"({"n":5})");
}

TEST_F(BambooTest, NobodyListening) {
  url_ = "http://127.0.0.1:1";
  StartExecutor();
  EXPECT_EQ(ErrorOf("x").category(), odw::v1::NETWORK);
}

constexpr char kSchema[] =
    R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false})";

TEST_F(BambooTest, SchemaAnswersAreJson) {
  StartExecutor();
  const odw::v1::Result bare = Ask(R"([[say:{"n": 9007199254740993}]])", kSchema);
  EXPECT_TRUE(bare.value_is_json()) << bare.DebugString();
  EXPECT_EQ(bare.value(), R"({"n": 9007199254740993})");
  const odw::v1::Result fenced = Ask("[[say:Here you are:\\n```json\\n{\"n\": 5}\\n```\\nBye]]", kSchema);
  EXPECT_EQ(fenced.value(), R"({"n": 5})") << fenced.DebugString();
  const odw::v1::Result prose = Ask(R"([[say:It is {"n": 6}, I think.]])", kSchema);
  EXPECT_EQ(prose.value(), R"({"n": 6})");
}

TEST_F(BambooTest, AnAnswerOffSchemaIsRepairedOrGivenUp) {
  StartExecutor();
  const odw::v1::Result repaired = Ask(R"(r [[offschema:1]] [[json:{"n":5}]])", kSchema);
  EXPECT_EQ(repaired.value(), R"({"n":5})") << repaired.DebugString();
  EXPECT_EQ(repaired.repair_turns(), 1u);
  const odw::v1::Result failed = Ask(R"([[json:{"n": "text"}]])", kSchema);
  EXPECT_EQ(failed.error().category(), odw::v1::SCHEMA) << failed.DebugString();
  EXPECT_EQ(failed.repair_turns(), 2u);
  EXPECT_EQ(failed.usage().model_calls(), 3u);
  EXPECT_FALSE(failed.raw_text().empty());
  const odw::v1::Result bad = Ask(R"([[json:{"n": 1}]])", R"({"type":"nonsense"})");
  EXPECT_EQ(bad.error().category(), odw::v1::INVALID_REQUEST) << bad.DebugString();
}

TEST_F(BambooTest, TwoHundredAtOnce) {
  StartExecutor();
  for (int i = 0; i < 200; ++i) daemon_.Assign("p" + std::to_string(i), Prompt("[[slow:300]] n" + std::to_string(i)));
  daemon_.WaitResults(200);
  const auto memory = ReadFile("/proc/" + std::to_string(executor_.pid()) + "/status", 1 << 16);
  ASSERT_TRUE(memory.ok());
  [[maybe_unused]] const int peak_kib = atoi(memory->c_str() + memory->find("VmHWM:") + sizeof "VmHWM:");
#ifndef ODW_SANITIZER  // whose shadow counts as ours
  EXPECT_LT(peak_kib, 80 << 10) << peak_kib;
#endif
  for (int i = 0; i < 200; ++i) {
    const odw::v1::Result result = daemon_.WaitResult("p" + std::to_string(i));
    ASSERT_TRUE(result.ok()) << result.DebugString();
    EXPECT_NE(result.value().find("n" + std::to_string(i)), std::string::npos);
  }
}

TEST_F(BambooTest, ItRefusesToStartWithoutUrlOrKey) {
  executor_.Start("bamboo");
  EXPECT_EQ(executor_.WaitExit(), 1);
}

}  // namespace
}  // namespace odw::executors
