// The mock runtime of the real binary, with odw-script --validate for its schemas.
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/time/clock.h"
#include "executors/testing/executor_process.h"
#include "executors/testing/fake_daemon.h"

namespace odw::executors {
namespace {

constexpr char kSchema[] =
    R"({"type":"object","properties":{"n":{"type":"integer","minimum":3}},"required":["n"]})";

class MockTest : public testing::Test {
 protected:
  void SetUp() override {
    daemon_.Start();
    executor_.Start("mock", {"--slots", "2000"});
    daemon_.WaitRegister();
  }
  odw::v1::Result Ask(const std::string& prompt, const std::string& schema = "", uint32_t attempt = 1,
                      uint32_t schema_tries = 0) {
    const std::string token = "t" + std::to_string(++serial_);
    auto request = Prompt(prompt);
    request.set_schema_tries_max(schema_tries);
    request.set_schema_json(schema);
    daemon_.Assign(token, request, attempt);
    return daemon_.WaitResult(token);
  }
  ExecutorProcess executor_;
  FakeDaemon daemon_{executor_.socket_path()};
  int serial_ = 0;
};

TEST_F(MockTest, TextIsThePromptsFirstCharacters) {
  EXPECT_EQ(Ask("  hi [[delay:1]] ").value(), "mock: hi");
  EXPECT_EQ(Ask(std::string(500, 'a')).value(), "mock: " + std::string(200, 'a'));
  EXPECT_EQ(Ask("[[say:a\\nb]]").value(), "a\nb");
  EXPECT_EQ(Ask("[[big:3]]").value().size(), 3072u);
}

TEST_F(MockTest, DefaultUsageIsAQuarterOfTheCharacters) {
  const odw::v1::Result result = Ask("123456789");
  EXPECT_EQ(result.usage().input_tokens(), 3u);
  EXPECT_EQ(result.usage().output_tokens(), 4u);  // "mock: 123456789"
}

TEST_F(MockTest, FailsTheFirstAttemptsOnly) {
  EXPECT_EQ(Ask("[[fail:rate_limit:2]]", "", 2).error().category(), odw::v1::RATE_LIMIT);
  EXPECT_TRUE(Ask("[[fail:rate_limit:2]]", "", 3).ok());
  EXPECT_EQ(Ask("[[fail:AUTH]]", "", 9).error().category(), odw::v1::AUTH);
  EXPECT_EQ(Ask("[[nonsense]]").error().category(), odw::v1::INVALID_REQUEST);
}

TEST_F(MockTest, ATimeoutOfTheRequestHolds) {
  auto request = Prompt("[[hang]]");
  request.set_timeout_ms(50);
  daemon_.Assign("t", request);
  EXPECT_EQ(daemon_.WaitResult("t").error().category(), odw::v1::TIMEOUT);
}

TEST_F(MockTest, ASchemaGetsAValidInstance) {
  const odw::v1::Result result = Ask("x", kSchema);
  ASSERT_TRUE(result.ok()) << result.DebugString();
  EXPECT_TRUE(result.value_is_json());
  EXPECT_EQ(result.value(), R"({"n":3})");
}

TEST_F(MockTest, AnAnswerGivenByDirectiveIsHeldAgainstTheSchema) {
  EXPECT_EQ(Ask(R"([[json:{"n":4}]])", kSchema).value(), R"({"n":4})");
  const odw::v1::Error error = Ask(R"([[json:{"n":2}]])", kSchema).error();
  EXPECT_EQ(error.category(), odw::v1::SCHEMA);
  EXPECT_NE(error.message().find("/n"), std::string::npos) << error.message();
  EXPECT_EQ(Ask("[[say:prose]]", kSchema).error().category(), odw::v1::SCHEMA);
  EXPECT_EQ(Ask("x", R"({"type":"nonsense"})").error().category(), odw::v1::INVALID_REQUEST);
}

TEST_F(MockTest, AnAnswerOffSchemaIsRepairedWithinTheTries) {
  constexpr char kOffThenFits[] = R"([[json:{"n":2}]] [[then-json:{"n":"x"}]] [[then-json:{"n":4}]])";
  const odw::v1::Result repaired = Ask(kOffThenFits, kSchema, 1, 3);
  EXPECT_EQ(repaired.value(), R"({"n":4})") << repaired.DebugString();
  EXPECT_EQ(repaired.repair_turns(), 2u);
  EXPECT_EQ(repaired.schema_path(), odw::v1::SCHEMA_PATH_REPAIRED);
  EXPECT_EQ(repaired.usage().model_calls(), 3u);
  const odw::v1::Result given_up = Ask(kOffThenFits, kSchema, 1, 2);
  EXPECT_EQ(given_up.error().category(), odw::v1::SCHEMA);
  EXPECT_NE(given_up.error().message().find("2 tries"), std::string::npos) << given_up.error().message();
  EXPECT_EQ(given_up.raw_text(), R"({"n":"x"})");
  EXPECT_EQ(Ask(R"([[json:{"n":2}]])", kSchema, 1, 5).repair_turns(), 4u);
  EXPECT_EQ(Ask("[[say:It is ```json\n{\"n\":9}\n``` I say.]]", kSchema).value(), R"({"n":9})");
}

TEST_F(MockTest, ADeadValidatorIsReplaced) {
  ASSERT_TRUE(Ask("x", kSchema).ok());
  const std::string children = "/proc/" + std::to_string(executor_.pid()) + "/task/" +
                               std::to_string(executor_.pid()) + "/children";
  const auto pid = ReadFile(children, 4096);
  ASSERT_TRUE(pid.ok());
  ASSERT_GT(atoi(pid->c_str()), 1);
  kill(atoi(pid->c_str()), SIGKILL);
  EXPECT_TRUE(Ask(R"([[json:{"n":7}]])", kSchema).ok());
}

TEST_F(MockTest, AThousandWaitAtOnceForNothing) {
  const absl::Time start = absl::Now();
  for (int i = 0; i < 1000; ++i) daemon_.Assign("w" + std::to_string(i), Prompt("[[delay:500]]"));
  daemon_.WaitResults(1000);
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(500));
  std::printf("1,000 delays of 500 ms: %s\n", absl::FormatDuration(absl::Now() - start).c_str());
}

}  // namespace
}  // namespace odw::executors
