// Recorded lines of codex 0.169.0.
#include "executors/runtimes/codex/codex_stream.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace odw::executors {
namespace {

constexpr char kThread[] = R"({"type":"thread.started","thread_id":"01a2-b"})";
constexpr char kTool[] =
    R"({"type":"item.completed","item":{"id":"item_0","type":"command_execution","command":"ls","exit_code":0,"status":"completed"}})";
constexpr char kMessage[] =
    R"({"type":"item.completed","item":{"id":"item_2","type":"agent_message","text":"echo"}})";
constexpr char kDone[] =
    R"({"type":"turn.completed","usage":{"input_tokens":1000,"cached_input_tokens":800,"output_tokens":50,"reasoning_output_tokens":20}})";

CliAnswer Read(std::initializer_list<const char*> lines, odw::v1::ErrorCategory end_category,
               const odw::v1::Usage& before = {}) {
  CodexReader reader("gpt-5.5", before);
  for (const char* line : lines) reader.Line(line);
  odw::v1::Result end;
  end.set_ok(end_category == odw::v1::ERROR_CATEGORY_UNSPECIFIED);
  end.mutable_error()->set_category(end_category);
  return reader.Finish(end);
}

TEST(CodexStream, UsageIsTheDifferenceToTheThreadsBefore) {
  odw::v1::Usage before;
  before.set_input_tokens(150);
  before.set_cached_input_tokens(300);
  before.set_output_tokens(20);
  const CliAnswer answer =
      Read({kThread, kTool, kMessage, kDone}, odw::v1::ERROR_CATEGORY_UNSPECIFIED, before);
  ASSERT_TRUE(answer.ok);
  EXPECT_EQ(answer.text, "echo");
  EXPECT_EQ(answer.session_id, "01a2-b");
  EXPECT_EQ(answer.usage.input_tokens(), 50u);
  EXPECT_EQ(answer.usage.cached_input_tokens(), 500u);
  EXPECT_EQ(answer.usage.output_tokens(), 30u);
  EXPECT_EQ(answer.usage.tool_calls(), 1u);
  EXPECT_EQ(answer.session_usage.input_tokens(), 200u);
}

TEST(CodexStream, ARefusalIsATurnWithoutAMessage) {
  EXPECT_EQ(Read({kThread, kDone}, odw::v1::ERROR_CATEGORY_UNSPECIFIED).error.category(),
            odw::v1::REFUSED);
  constexpr char kEmpty[] =
      R"({"type":"item.completed","item":{"type":"agent_message","text":""}})";
  EXPECT_TRUE(Read({kThread, kEmpty, kDone}, odw::v1::ERROR_CATEGORY_UNSPECIFIED).ok);
}

TEST(CodexStream, AnErrorEventIsNotFinal) {
  constexpr char kRetry[] =
      R"x({"type":"error","message":"Reconnecting... 1/2 (unexpected status 500)"})x";
  EXPECT_TRUE(Read({kThread, kRetry, kMessage, kDone}, odw::v1::ERROR_CATEGORY_UNSPECIFIED).ok);
  constexpr char kFailed[] =
      R"({"type":"turn.failed","error":{"message":"unexpected status 401 Unauthorized: no"}})";
  EXPECT_EQ(Read({kThread, kRetry, kFailed}, odw::v1::EXIT_STATUS).error.category(), odw::v1::AUTH);
}

TEST(CodexStream, WaitingForTheNetworkIsHopeless) {
  CodexReader reader("m", {});
  reader.Line(R"({"type":"error","message":"Reconnecting... waiting for network"})");
  EXPECT_EQ(reader.hopeless().category(), odw::v1::NETWORK);
}

TEST(CodexStream, MessagesHaveTheirClasses) {
  EXPECT_EQ(CodexCategory("exceeded retry limit, last status: 429 Too Many Requests"),
            odw::v1::RATE_LIMIT);
  EXPECT_EQ(CodexCategory("Quota exceeded. Check your plan and billing details."), odw::v1::QUOTA);
  EXPECT_EQ(CodexCategory("We're currently experiencing high demand"), odw::v1::OVERLOADED);
  EXPECT_EQ(CodexCategory("unexpected status 404 Not Found: x"), odw::v1::MODEL_NOT_FOUND);
  EXPECT_EQ(CodexCategory("unexpected status 503 Service Unavailable"), odw::v1::OVERLOADED);
  EXPECT_EQ(CodexCategory("Codex ran out of room in the model's context window"),
            odw::v1::CONTEXT_LENGTH);
  EXPECT_EQ(CodexCategory("stream disconnected before completion: x"), odw::v1::NETWORK);
  EXPECT_EQ(CodexCategory("Missing environment variable: `K`."), odw::v1::AUTH);
  EXPECT_EQ(CodexCategory("Incomplete response returned, reason: max_output_tokens"),
            odw::v1::OUTPUT_TOO_LARGE);
  EXPECT_EQ(CodexCategory(R"({"error":{"message":"bad"}})"), odw::v1::INVALID_REQUEST);
}

}  // namespace
}  // namespace odw::executors
