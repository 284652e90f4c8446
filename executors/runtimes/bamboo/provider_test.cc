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

TEST(Provider, JsonIsFoundInAModelsWords) {
  EXPECT_EQ(ExtractJson(" {\"a\":1}\n"), "{\"a\":1}");
  EXPECT_EQ(ExtractJson("Sure:\n```json\n[1, 2]\n```\ndone"), "[1, 2]");
  EXPECT_EQ(ExtractJson("```\nnot json\n```\n```json\n{\"b\":2}\n```"), "{\"b\":2}");
  EXPECT_EQ(ExtractJson("it is {\"a\":{\"b\":1}}, see"), "{\"a\":{\"b\":1}}");
  EXPECT_EQ(ExtractJson("42"), "42");
  EXPECT_EQ(ExtractJson("no json { here"), "");
}

TEST(Provider, QuotaIsNotARateLimit) {
  const HttpResponse too_many{.status = 429};
  EXPECT_EQ(ToError(too_many, R"({"error":{"code":"1302","message":"concurrency"}})").category(), odw::v1::RATE_LIMIT);
  EXPECT_EQ(ToError(too_many, R"({"error":{"code":"1113","message":"no money"}})").category(), odw::v1::PERMISSION);
  EXPECT_EQ(ToError(too_many, R"({"error":{"type":"exceeded_current_quota_error"}})").category(), odw::v1::PERMISSION);
  EXPECT_EQ(ToError(too_many, "not json at all").category(), odw::v1::RATE_LIMIT);
  const HttpResponse ok{.status = 200};
  EXPECT_EQ(ToError(ok, R"({"base_resp":{"status_code":1004,"status_msg":"login fail"}})").category(), odw::v1::AUTH);
  EXPECT_EQ(ToError(ok, R"({"base_resp":{"status_code":1002,"status_msg":"slow down"}})").category(), odw::v1::RATE_LIMIT);
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
    for (size_t at = 0; at < body.size(); at += piece) stream.Feed(std::string_view(body).substr(at, piece));
    const ChatAnswer answer = stream.Finish();
    EXPECT_EQ(answer.text, "abcd");
    EXPECT_EQ(answer.finish_reason, "stop");
    EXPECT_EQ(answer.usage.input_tokens(), 6u);
    EXPECT_EQ(answer.usage.cached_input_tokens(), 4u);
  }
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
