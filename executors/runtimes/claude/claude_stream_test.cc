// Recorded lines of claude 2.1.330, shortened to the keys that differ.
#include "executors/runtimes/claude/claude_stream.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace odw::executors {
namespace {

constexpr char kInit[] =
    R"({"type":"system","subtype":"init","session_id":"s-1","tools":["Bash"],"model":"claude-opus-5-5"})";
constexpr char kThinking[] =
    R"({"type":"assistant","message":{"id":"m1","model":"claude-opus-5-5","content":[{"type":"thinking","thinking":"hm"}],"usage":{"input_tokens":100,"cache_read_input_tokens":40,"cache_creation_input_tokens":10,"output_tokens":5}},"session_id":"s-1"})";
constexpr char kTool[] =
    R"({"type":"assistant","message":{"id":"m1","model":"claude-opus-5-5","content":[{"type":"tool_use","name":"Bash","input":{}}],"usage":{"input_tokens":100,"cache_read_input_tokens":40,"cache_creation_input_tokens":10,"output_tokens":5}},"session_id":"s-1"})";
constexpr char kSuccess[] =
    R"({"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s-1","total_cost_usd":9,"usage":{"input_tokens":200,"cache_read_input_tokens":40,"cache_creation_input_tokens":10,"output_tokens":9},"permission_denials":[]})";

CliAnswer Read(std::initializer_list<const char*> lines, const odw::v1::Result& end,
               ClaudeReader::Denials denials = ClaudeReader::Denials::kTolerated,
               bool schema = false) {
  ClaudeReader reader(denials, schema);
  for (const char* line : lines) reader.Line(line);
  return reader.Finish(end);
}

odw::v1::Result Ended(odw::v1::ErrorCategory category = odw::v1::ERROR_CATEGORY_UNSPECIFIED,
                      const std::string& message = "") {
  odw::v1::Result end;
  end.set_ok(category == odw::v1::ERROR_CATEGORY_UNSPECIFIED);
  end.mutable_error()->set_category(category);
  end.mutable_error()->set_message(message);
  return end;
}

std::string Failure(const std::string& keys) {
  return R"({"type":"result","subtype":"success","is_error":true,"session_id":"s-1",)" + keys + "}";
}

TEST(ClaudeStream, UsageIsOfTheRunAndPricedByUs) {
  const CliAnswer answer = Read({kInit, kThinking, kTool, kSuccess}, Ended());
  ASSERT_TRUE(answer.ok) << answer.error.DebugString();
  EXPECT_EQ(answer.text, "done");
  EXPECT_EQ(answer.session_id, "s-1");
  EXPECT_EQ(answer.model, "claude-opus-5-5");
  EXPECT_EQ(answer.usage.input_tokens(), 210u);
  EXPECT_EQ(answer.usage.cached_input_tokens(), 40u);
  EXPECT_EQ(answer.usage.output_tokens(), 9u);
  EXPECT_EQ(answer.usage.model_calls(), 1u);  // two lines of one message
  EXPECT_EQ(answer.usage.tool_calls(), 1u);
  // 210 at 4, the 10 written ones a quarter more, 40 at 0.4, 9 at 20 micros each
  EXPECT_EQ(answer.usage.cost_micros(), 210 * 4 + 10 + 16 + 180);
}

TEST(ClaudeStream, ARefusalOtherThanOfTheKeyIsNotToldAsOne) {
  const std::string line = Failure(R"("api_error_status":403,"result":"Check your apiKeyHelper")");
  const CliAnswer answer = Read({kInit, line.c_str()}, Ended(odw::v1::EXIT_STATUS));
  EXPECT_EQ(answer.error.category(), odw::v1::PERMISSION);
  EXPECT_EQ(answer.error.message(), "claude: HTTP 403 from the provider");
}

// stdout says 1 token as a call begins; its transcript, in which former turns stand too, says all.
constexpr char kBegun[] =
    R"({"type":"assistant","message":{"id":"m1","model":"claude-opus-5-5","content":[{"type":"tool_use","name":"Bash","input":{}}],"usage":{"input_tokens":200,"cache_read_input_tokens":800,"output_tokens":1}},"session_id":"s-1"})";
constexpr char kWhole[] =
    R"({"isSidechain":false,"message":{"id":"m1","role":"assistant","content":[],"stop_reason":"tool_use","usage":{"input_tokens":200,"cache_creation_input_tokens":0,"cache_read_input_tokens":800,"output_tokens":1000,"output_tokens_details":{"thinking_tokens":3}}},"type":"assistant","sessionId":"s-1"})";
constexpr char kFormer[] =
    R"({"message":{"id":"m0","usage":{"input_tokens":7,"output_tokens":7}},"type":"assistant"})";

TEST(ClaudeStream, TheTranscriptTellsOfWholeCalls) {
  ClaudeReader reader(ClaudeReader::Denials::kTolerated, false);
  reader.TranscriptLine(kFormer);
  reader.TranscriptLine(kWhole);  // in any order
  EXPECT_EQ(reader.usage_so_far().ByteSizeLong(), 0u);
  reader.Line(kInit);
  reader.Line(kBegun);
  reader.TranscriptLine(kWhole);
  reader.TranscriptLine(std::string_view(kWhole).substr(0, 150));
  const odw::v1::Usage usage = reader.usage_so_far();
  EXPECT_EQ(usage.input_tokens(), 200u);
  EXPECT_EQ(usage.cached_input_tokens(), 800u);
  EXPECT_EQ(usage.output_tokens(), 1000u);
  EXPECT_EQ(usage.reasoning_tokens(), 3u);
  EXPECT_EQ(usage.model_calls(), 1u);
  EXPECT_EQ(usage.cost_micros(), 200 * 4 + 320 + 1000 * 20);
  const CliAnswer answer = reader.Finish(Ended(odw::v1::CANCELLED));
  EXPECT_EQ(answer.error.category(), odw::v1::CANCELLED);
  EXPECT_EQ(answer.session_id, "s-1");
  EXPECT_EQ(answer.usage.output_tokens(), 1000u);
  EXPECT_EQ(answer.usage.cost_micros(), usage.cost_micros());
}

TEST(ClaudeStream, TheResultAndTheTranscriptAreNotAddedUp) {
  ClaudeReader reader(ClaudeReader::Denials::kTolerated, false);
  for (const char* line : {kInit, kBegun}) reader.Line(line);
  reader.TranscriptLine(kWhole);
  reader.Line(
      R"({"type":"result","subtype":"success","is_error":false,"result":"x","session_id":"s-1","usage":{"input_tokens":200,"cache_read_input_tokens":800,"output_tokens":1000}})");
  EXPECT_EQ(reader.Finish(Ended()).usage.output_tokens(), 1000u);
}

TEST(ClaudeStream, AnEmptyAnswerIsPaidToo) {
  const CliAnswer answer = Read(
      {kInit,
       R"({"type":"result","subtype":"success","is_error":false,"result":"","session_id":"s-1","usage":{"input_tokens":1000,"output_tokens":0}})"},
      Ended());
  EXPECT_EQ(answer.model, "claude-opus-5-5");
  EXPECT_EQ(answer.usage.cost_micros(), 4000);
  EXPECT_EQ(answer.usage.model_calls(), 1u);
}

TEST(ClaudeStream, ErrorsHaveTheirClasses) {
  const auto category = [](const std::string& keys) {
    return Read({kInit, Failure(keys).c_str()}, Ended(odw::v1::EXIT_STATUS)).error.category();
  };
  EXPECT_EQ(category(R"("api_error_status":401,"result":"Failed to authenticate")"), odw::v1::AUTH);
  EXPECT_EQ(category(R"("api_error_status":403,"result":"no")"), odw::v1::PERMISSION);
  EXPECT_EQ(category(R"("api_error_status":404,"result":"no")"), odw::v1::MODEL_NOT_FOUND);
  EXPECT_EQ(category(R"("api_error_status":429,"result":"slow down")"), odw::v1::RATE_LIMIT);
  EXPECT_EQ(category(R"("api_error_status":429,"result":"usage limit reached")"), odw::v1::QUOTA);
  EXPECT_EQ(category(R"("api_error_status":529,"result":"x")"), odw::v1::OVERLOADED);
  EXPECT_EQ(category(R"("api_error_status":400,"terminal_reason":"prompt_too_long")"),
            odw::v1::CONTEXT_LENGTH);
  EXPECT_EQ(category(R"("api_error_status":null,"result":"Not logged in · Please run /login")"),
            odw::v1::AUTH);
  EXPECT_EQ(category(R"("api_error_status":null,"result":"API Error: Connection refused")"),
            odw::v1::NETWORK);
  EXPECT_EQ(category(R"("stop_reason":"refusal","result":"")"), odw::v1::REFUSED);
}

TEST(ClaudeStream, TheLastRetrysDelayIsKept) {
  const CliAnswer answer = Read(
      {kInit,
       R"({"type":"system","subtype":"api_retry","attempt":1,"retry_delay_ms":7000,"error_status":429})",
       Failure(R"("api_error_status":429,"result":"slow")").c_str()},
      Ended(odw::v1::EXIT_STATUS));
  EXPECT_EQ(answer.error.retry_after_ms(), 7000u);
}

TEST(ClaudeStream, ALongWaitIsHandedToTheDaemon) {
  ClaudeReader reader(ClaudeReader::Denials::kTolerated, false);
  reader.Line(
      R"({"type":"system","subtype":"api_retry","retry_delay_ms":7000,"error_status":429})");
  EXPECT_EQ(reader.hopeless().category(), odw::v1::ERROR_CATEGORY_UNSPECIFIED);
  reader.Line(
      R"({"type":"system","subtype":"api_retry","retry_delay_ms":3600000,"error_status":429})");
  EXPECT_EQ(reader.hopeless().category(), odw::v1::RATE_LIMIT);
  EXPECT_EQ(reader.hopeless().retry_after_ms(), 3600000u);
  reader.Line(kThinking);  // it is over, as seen by a reader that comes late
  EXPECT_EQ(reader.hopeless().category(), odw::v1::ERROR_CATEGORY_UNSPECIFIED);
}

TEST(ClaudeStream, AGivenUpSchemaAndAMissingOneAreTold) {
  const CliAnswer gave_up = Read(
      {kInit,
       R"({"type":"result","subtype":"error_max_structured_output_retries","is_error":true,"errors":["no"]})"},
      Ended(odw::v1::EXIT_STATUS), ClaudeReader::Denials::kTolerated, true);
  EXPECT_GT(gave_up.schema_tries, 0u);
  const CliAnswer prose = Read({kInit, kSuccess}, Ended(), ClaudeReader::Denials::kTolerated, true);
  EXPECT_TRUE(prose.ok);
  EXPECT_EQ(prose.json, "");
  const CliAnswer json = Read(
      {R"({"type":"result","subtype":"success","is_error":false,"result":"x","structured_output":{"b":1,"a":2}})"},
      Ended(), ClaudeReader::Denials::kTolerated, true);
  EXPECT_EQ(json.json, R"({"b":1,"a":2})");
}

TEST(ClaudeStream, DenialsFailOnlyWhereTheyAreToldTo) {
  constexpr char kDenied[] =
      R"({"type":"result","subtype":"success","is_error":false,"result":"I could not","permission_denials":[{"tool_name":"Write"}]})";
  EXPECT_TRUE(Read({kDenied}, Ended()).ok);
  const CliAnswer failed = Read({kDenied}, Ended(), ClaudeReader::Denials::kFailTheTask);
  EXPECT_FALSE(failed.ok);
  EXPECT_EQ(failed.error.category(), odw::v1::PERMISSION);
}

TEST(ClaudeStream, AnEndWithoutAResultIsNeverASuccess) {
  EXPECT_EQ(Read({kInit}, Ended()).error.category(), odw::v1::CRASHED);  // SIGINT: exit 0
  EXPECT_EQ(Read({kInit, kTool}, Ended(odw::v1::TIMEOUT)).error.category(), odw::v1::TIMEOUT);
  EXPECT_EQ(Read({kInit, kTool}, Ended(odw::v1::TIMEOUT)).usage.output_tokens(), 5u);
  const CliAnswer gone =
      Read({}, Ended(odw::v1::EXIT_STATUS,
                     "exit status 1; stderr ends: No conversation found with session ID: x"));
  EXPECT_TRUE(gone.session_unknown);
  EXPECT_TRUE(
      Read({}, Ended(odw::v1::EXIT_STATUS, "Error: --json-schema is not a valid JSON Schema"))
          .schema_refused);
}

TEST(ClaudeStream, NonsenseIsPassedOver) {
  for (
      const char* line :
      {R"({"type":"assistant","message":[1,2]})",
       R"({"type":"assistant","message":{"content":{"a":1},"usage":[]}})",
       R"({"type":"assistant","message":{"id":7,"content":[7,{"type":"text","text":7}],"usage":{"input_tokens":1e300}}})",
       R"({"type":"system","subtype":"api_retry","retry_delay_ms":-1e300,"error_status":"x"})"}) {
    EXPECT_TRUE(Read({line, kSuccess}, Ended()).ok) << line;
  }
  for (const char* line :
       {R"({"type":"result"})", R"({"type":"result","subtype":7,"is_error":"x","errors":{"a":1}})",
        R"({"type":"result","usage":7,"permission_denials":7,"result":null})"}) {
    EXPECT_FALSE(Read({line}, Ended()).ok) << line;
  }
  EXPECT_TRUE(Read({"not json", "[]", "{\"type\":7}", kSuccess}, Ended()).ok);
}

}  // namespace
}  // namespace odw::executors
