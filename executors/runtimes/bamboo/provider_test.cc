#include "executors/runtimes/bamboo/provider.h"

#include <gtest/gtest.h>

namespace odw::executors {
namespace {

TEST(Provider, UrlRule) {
  EXPECT_EQ(CompletionsUrl("x", "http://h/v1"), "http://h/v1/chat/completions");
  EXPECT_EQ(CompletionsUrl("x", "http://h/api/paas/v4/"), "http://h/api/paas/v4/chat/completions");
  EXPECT_EQ(CompletionsUrl("x", "http://h"), "http://h/v1/chat/completions");
  EXPECT_EQ(CompletionsUrl("deepseek", "http://h"), "http://h/chat/completions");
  EXPECT_EQ(CompletionsUrl("x", "http://h/p/chat/completions"), "http://h/p/chat/completions");
}

TEST(Provider, QuotaIsNotARateLimit) {
  const HttpResponse too_many{.status = 429};
  EXPECT_EQ(ToError(too_many, R"({"error":{"code":"1302","message":"concurrency"}})").category(),
            odw::v1::RATE_LIMIT);
  EXPECT_EQ(ToError(too_many, R"({"error":{"code":"1113","message":"no money"}})").category(),
            odw::v1::QUOTA);
  EXPECT_EQ(ToError(too_many, R"({"error":{"type":"exceeded_current_quota_error"}})").category(),
            odw::v1::QUOTA);
  EXPECT_EQ(ToError(too_many, "not json at all").category(), odw::v1::RATE_LIMIT);
  const HttpResponse ok{.status = 200};
  EXPECT_EQ(
      ToError(ok, R"({"base_resp":{"status_code":1004,"status_msg":"login fail"}})").category(),
      odw::v1::AUTH);
  EXPECT_EQ(
      ToError(ok, R"({"base_resp":{"status_code":1002,"status_msg":"slow down"}})").category(),
      odw::v1::RATE_LIMIT);
}

TEST(Provider, AnEmptyAccountIsToldInEachOnesWay) {
  const auto of = [](long status, const char* body) {
    return ToError(HttpResponse{.status = status}, body).category();
  };
  // Zhipu: one status for "later" and for "no money".
  EXPECT_EQ(of(429, R"({"error":{"code":"1303","message":"too often"}})"), odw::v1::RATE_LIMIT);
  for (const char* body : {R"({"error":{"code":"1308"}})", R"({"error":{"code":"1309"}})",
                           R"({"error":{"code":1310}})"}) {
    EXPECT_EQ(of(429, body), odw::v1::QUOTA) << body;
  }
  // Kimi: 403 is no lack of a permission there.
  EXPECT_EQ(of(403, R"({"error":{"message":"Your account's balance is used up"}})"),
            odw::v1::QUOTA);
  EXPECT_EQ(of(403, R"({"error":{"message":"not for you"}})"), odw::v1::PERMISSION);
  // MiniMax: HTTP 200.
  EXPECT_EQ(of(200, R"({"base_resp":{"status_code":1008,"status_msg":"balance"}})"),
            odw::v1::QUOTA);
  EXPECT_EQ(of(402, "{}"), odw::v1::QUOTA);
}

TEST(Provider, AnErrorOfTheServersIsOneByItsStatus) {
  const auto of = [](long status) {
    return ToError(HttpResponse{.status = status},
                   R"({"error":{"type":"server_error","message":"Request body too large"}})")
        .category();
  };
  EXPECT_EQ(of(503), odw::v1::OVERLOADED);
  EXPECT_EQ(of(200), odw::v1::OVERLOADED);
  EXPECT_EQ(of(404), odw::v1::MODEL_NOT_FOUND);
  EXPECT_NE(of(413), odw::v1::OVERLOADED);
}

TEST(Provider, SecretsAndLengthAreTakenOutOfQuotes) {
  EXPECT_EQ(QuoteForPeople("key abc, abc!", "abc"), "key [key], [key]!");
  EXPECT_LT(QuoteForPeople(std::string(100'000, 'x'), "k").size(), 3000u);
}

TEST(ChatStream, EventsMayBeCutAnywhere) {
  const std::string body =
      ": hello\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"ab\"}}]}\r\n\r\n"
      "data: {\"choices\":[{\"delta\":{\"content\":\"cd\"},\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3,"
      "\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\ndata: [DONE]";
  for (size_t piece = 1; piece < body.size(); piece += 7) {
    ChatStream stream;
    for (size_t at = 0; at < body.size(); at += piece)
      stream.Feed(std::string_view(body).substr(at, piece));
    const ChatAnswer answer = stream.Finish();
    EXPECT_EQ(answer.text, "abcd");
    EXPECT_EQ(answer.finish_reason, "stop");
    EXPECT_EQ(answer.usage.input_tokens(), 6u);
    EXPECT_EQ(answer.usage.cached_input_tokens(), 4u);
  }
}

TEST(ChatStream, ToolCallsComeInPieces) {
  ChatStream stream;
  stream.Feed(R"(data: {"choices":[{"delta":{"reasoning_content":"hm "}}]})"
              "\n");
  stream.Feed(
      R"(data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"read","arguments":"{\"pa"}}]}}]})"
      "\n");
  stream.Feed(
      R"(data: {"choices":[{"delta":{"tool_calls":[{"index":1,"id":"c2","function":{"name":"list","arguments":""}}]}}]})"
      "\n");
  stream.Feed(
      R"(data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"th\":1}"}}]},"finish_reason":"tool_calls"}]})"
      "\n");
  const ChatAnswer answer = stream.Finish();
  ASSERT_EQ(answer.calls.size(), 2u);
  EXPECT_EQ(answer.calls[0].arguments(), R"({"path":1})");
  EXPECT_EQ(answer.calls[1].name(), "list");
  EXPECT_EQ(answer.reasoning, "hm ");
}

TEST(ChatStream, AnAbsurdIndexOfACallIsNotBelieved) {
  ChatStream stream;
  stream.Feed(R"(data: {"choices":[{"delta":{"tool_calls":[{"index":4000000000,"id":"c"}]}}]})"
              "\n");
  EXPECT_TRUE(stream.Finish().broken);
}

TEST(RequestBody, SpeaksEachProvidersDialect) {
  ChatMessage call;
  call.set_role("assistant");
  call.set_reasoning("because");
  call.add_calls()->set_arguments("{broken");
  const auto body = [&](const char* provider, const std::string& effort) {
    return RequestBody(FindProvider(provider), {.model = "m", .effort = effort, .max_tokens = 9},
                       {call});
  };
  EXPECT_NE(body("deepseek", "high").find(R"("reasoning_content":"because")"), std::string::npos);
  EXPECT_NE(body("deepseek", "high").find(R"("reasoning_effort":"high")"), std::string::npos);
  EXPECT_NE(body("deepseek", "high").find(R"("thinking":{"type":"enabled"})"), std::string::npos);
  EXPECT_NE(body("deepseek", "").find(R"("arguments":"{}")"), std::string::npos);
  EXPECT_NE(body("kimi", "none").find(R"("thinking":{"type":"disabled"})"), std::string::npos);
  EXPECT_NE(body("kimi", "").find(R"("max_completion_tokens":9)"), std::string::npos);
  EXPECT_NE(body("qwen", "high").find(R"("enable_thinking":true)"), std::string::npos);
  // Some of qwen's models answer nothing but streams.
  EXPECT_NE(body("qwen", "").find(R"("stream":true)"), std::string::npos);
  EXPECT_NE(body("minimax", "").find(R"("reasoning_split":true)"), std::string::npos);
  EXPECT_NE(body("minimax", "").find(R"("reasoning_details":[{)"), std::string::npos);
  EXPECT_NE(body("unknown", "high").find(R"("reasoning_effort":"high")"), std::string::npos);
}

TEST(ChatStream, ReasoningIsReadFromWhateverFieldItComesIn) {
  const auto reasoning = [](const std::string& delta) {
    ChatStream stream;
    stream.Feed("data: {\"choices\":[{\"delta\":" + delta + "}]}\n");
    return stream.Finish().reasoning;
  };
  EXPECT_EQ(reasoning(R"({"reasoning_content":"a"})"), "a");
  EXPECT_EQ(reasoning(R"({"reasoning":"b"})"), "b");  // StepFun
  EXPECT_EQ(reasoning(R"({"reasoning_details":[{"type":"reasoning.text","text":"c"}]})"), "c");
}

TEST(ChatStream, AWholeCompletionIsReadToo) {
  ChatStream stream;
  stream.Feed(R"({"model":"m2","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],)");
  stream.Feed(R"("usage":{"prompt_tokens":5,"completion_tokens":2,"cached_tokens":5}})");
  const ChatAnswer answer = stream.Finish();
  EXPECT_EQ(answer.text, "hi");
  EXPECT_EQ(answer.model, "m2");
  EXPECT_EQ(answer.usage.cached_input_tokens(), 5u);
  EXPECT_EQ(answer.usage.input_tokens(), 0u);
}

}  // namespace
}  // namespace odw::executors
