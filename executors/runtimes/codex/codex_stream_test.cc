// Recorded lines of codex 0.169.0.
#include "executors/runtimes/codex/codex_stream.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

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

// As a rollout has them: sums over the thread, first at the call's end, then once its tool has run.
std::string Record(int calls) {
  const auto number = [calls](int each) { return std::to_string(calls * each); };
  return R"({"timestamp":"2026-11-23T13:33:28.232Z","ordinal":10,"type":"token_usage_record","payload":{"thread_id":"01a2-b","response_id":"r","usage":{"input_tokens":1000,"cached_input_tokens":800,"output_tokens":50},"thread_token_usage":{"input_tokens":)" +
         number(1000) + R"(,"cached_input_tokens":)" + number(800) + R"(,"output_tokens":)" +
         number(50) + R"(,"reasoning_output_tokens":)" + number(20) + "}}}";
}

std::string Count(int calls) {
  const auto number = [calls](int each) { return std::to_string(calls * each); };
  return R"({"timestamp":"2026-11-23T13:33:28.568Z","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":)" +
         number(1000) + R"(,"cached_input_tokens":)" + number(800) + R"(,"output_tokens":)" +
         number(50) +
         R"(,"reasoning_output_tokens":)" + number(20) +
         R"(},"last_token_usage":{"input_tokens":1000}},"rate_limits":null}})";
}

TEST(CodexStream, TheTranscriptTellsOfEachCallOnce) {
  CodexReader reader("gpt-5.5", {});
  EXPECT_EQ(reader.usage_so_far().ByteSizeLong(), 0u);
  for (const std::string& line : {Record(1), Count(1), Record(2), Count(2), Count(2), Record(3)})
    reader.TranscriptLine(line);
  const odw::v1::Usage usage = reader.usage_so_far();
  EXPECT_EQ(usage.input_tokens(), 600u);
  EXPECT_EQ(usage.cached_input_tokens(), 2400u);
  EXPECT_EQ(usage.output_tokens(), 150u);
  EXPECT_EQ(usage.reasoning_tokens(), 60u);
  EXPECT_EQ(usage.model_calls(), 3u);
  EXPECT_GT(usage.cost_micros(), 0);
}

TEST(CodexStream, AnOlderTranscriptOfCountsAloneIsEnough) {
  CodexReader reader("gpt-5.5", {});
  for (int calls : {1, 1, 2}) reader.TranscriptLine(Count(calls));
  EXPECT_EQ(reader.usage_so_far().output_tokens(), 100u);
  EXPECT_EQ(reader.usage_so_far().model_calls(), 2u);
}

TEST(CodexStream, FormerTurnsInTheTranscriptAreNotCountedAgain) {
  odw::v1::Usage before;
  before.set_input_tokens(400);
  before.set_cached_input_tokens(1600);
  before.set_output_tokens(100);
  CodexReader reader("gpt-5.5", before);
  for (int calls : {1, 2}) reader.TranscriptLine(Record(calls));
  EXPECT_EQ(reader.usage_so_far().model_calls(), 0u);
  EXPECT_EQ(reader.usage_so_far().output_tokens(), 0u);
  reader.TranscriptLine(Record(3));
  EXPECT_EQ(reader.usage_so_far().model_calls(), 1u);
  EXPECT_EQ(reader.usage_so_far().output_tokens(), 50u);
}

TEST(CodexStream, AnEndedTurnsOwnFiguresWin) {
  CodexReader reader("gpt-5.5", {});
  for (const char* line : {kThread, kTool, kMessage, kDone}) reader.Line(line);
  for (int calls : {1, 2}) reader.TranscriptLine(Count(calls));
  odw::v1::Result end;
  end.set_ok(true);
  const CliAnswer answer = reader.Finish(end);
  EXPECT_EQ(answer.usage.input_tokens(), 200u);
  EXPECT_EQ(answer.usage.output_tokens(), 50u);
  EXPECT_EQ(answer.usage.model_calls(), 2u);
  EXPECT_EQ(answer.session_usage.output_tokens(), 50u);
}

// codex's own sums go on from the last count before the cut: a call less than there were.
TEST(CodexStream, AfterACutOffCallTheRecordsCount) {
  odw::v1::Usage before;
  before.set_input_tokens(200);
  before.set_cached_input_tokens(800);
  before.set_output_tokens(50);
  CodexReader reader("gpt-5.5", before);
  for (const std::string& line : {Record(1), Record(2), Count(1)}) reader.TranscriptLine(line);
  for (const char* line : {kThread, kMessage, kDone}) reader.Line(line);  // 1000 in, 50 out
  odw::v1::Result end;
  end.set_ok(true);
  const CliAnswer answer = reader.Finish(end);
  EXPECT_EQ(answer.usage.input_tokens(), 200u);
  EXPECT_EQ(answer.usage.output_tokens(), 50u);
  EXPECT_EQ(answer.usage.model_calls(), 1u);
  EXPECT_EQ(answer.session_usage.output_tokens(), 100u);
}

TEST(CodexStream, ACancelledTurnCostsWhatItsTranscriptTells) {
  CodexReader reader("gpt-5.5", {});
  reader.Line(kThread);
  reader.TranscriptLine(Record(2));
  odw::v1::Result end;
  end.mutable_error()->set_category(odw::v1::CANCELLED);
  const CliAnswer answer = reader.Finish(end);
  EXPECT_EQ(answer.error.category(), odw::v1::CANCELLED);
  EXPECT_EQ(answer.session_id, "01a2-b");
  EXPECT_EQ(answer.usage.output_tokens(), 100u);
  EXPECT_GT(answer.usage.cost_micros(), 0);
  EXPECT_EQ(answer.session_usage.output_tokens(), 100u);  // the next turn counts from here
}

TEST(CodexStream, TornAndStrangeTranscriptLinesArePassedOver) {
  CodexReader reader("gpt-5.5", {});
  reader.TranscriptLine(Record(1));
  for (const std::string& line :
       {Record(2).substr(0, 200), Record(2).substr(20), std::string("\"token_count\""),
        std::string(R"({"type":"token_usage_record","payload":[7]})"),
        std::string(R"({"type":"event_msg","payload":{"type":"token_count","info":null}})"),
        std::string(
            R"({"type":"response_item","payload":{"type":"message","content":"\"token_count\""}})")}) {
    reader.TranscriptLine(line);
  }
  EXPECT_EQ(reader.usage_so_far().output_tokens(), 50u);
  EXPECT_EQ(reader.usage_so_far().model_calls(), 1u);
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
  EXPECT_EQ(CodexCategory("turn/start failed: Input exceeds the maximum length of 1048576 characters"),
            odw::v1::CONTEXT_LENGTH);
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
