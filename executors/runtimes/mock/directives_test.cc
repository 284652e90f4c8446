#include "executors/runtimes/mock/directives.h"

#include <gtest/gtest.h>

namespace odw::executors {
namespace {

TEST(MockDirectives, AreTakenOutOfThePrompt) {
  const auto plan = ParseMockPrompt("  read [[delay:25]]this [[usage:in=9,out=8,cached=7]] file ");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->delay_ms, 25u);
  EXPECT_EQ(plan->input_tokens, 9u);
  EXPECT_EQ(plan->cached_tokens, 7u);
  EXPECT_EQ(plan->rest, "read this  file");
}

TEST(MockDirectives, JsonMayHoldBracketsAndTextEscapes) {
  EXPECT_EQ(ParseMockPrompt(R"([[json:{"a":[[1],[2]]}]])")->json, R"({"a":[[1],[2]]})");
  EXPECT_EQ(ParseMockPrompt(R"([[json:[1,2]]])")->json, "[1,2]");
  EXPECT_EQ(ParseMockPrompt(R"([[say:a\nb\]\]c]])")->say, "a\nb]]c");
  EXPECT_EQ(ParseMockPrompt(R"([[json:{"a":"x\n"}]])")->json, R"({"a":"x\n"})");
}

TEST(MockDirectives, FailuresNameACategoryInAnyCase) {
  const auto always = ParseMockPrompt("[[fail:rate_limit]]");
  EXPECT_EQ(always->fail, odw::v1::RATE_LIMIT);
  EXPECT_EQ(always->fail_attempts, UINT32_MAX);
  EXPECT_EQ(ParseMockPrompt("[[fail:OVERLOADED:2]]")->fail_attempts, 2u);
}

TEST(MockDirectives, AppendTakesAFileAndALine) {
  const auto plan = ParseMockPrompt("[[append:/tmp/p:n1 a:b]][[append:/tmp/q:x]]");
  ASSERT_EQ(plan->appends.size(), 2u);
  EXPECT_EQ(plan->appends[0].first, "/tmp/p");
  EXPECT_EQ(plan->appends[0].second, "n1 a:b");
}

TEST(MockDirectives, MistakesAreNamed) {
  EXPECT_NE(MessageOf(ParseMockPrompt("[[dealy:5]]").status()).find("delay"), std::string::npos);
  EXPECT_NE(MessageOf(ParseMockPrompt("[[delay:soon]]").status()).find("[[delay:MS]]"), std::string::npos);
  for (const char* bad : {"[[fail:nonsense]]", "[[usage:in]]", "[[append:x]]", "[[big:99999999]]", "[[fail]]"}) {
    EXPECT_FALSE(ParseMockPrompt(bad).ok()) << bad;
  }
}

TEST(MockDirectives, OtherBracketsAreText) {
  for (const char* text : {"a[[1]]", "[[", "[[not closed", "x [[Upper]] y", "[[ spaced ]]"}) {
    ASSERT_TRUE(ParseMockPrompt(text).ok()) << text;
    EXPECT_EQ(ParseMockPrompt(text)->rest, text);
  }
}

TEST(MockDirectives, CharactersAreNotBytes) {
  EXPECT_EQ(CountCharacters("aé€😀"), 4u);
  EXPECT_EQ(FirstCharacters("aé€😀", 3), "aé€");
}

}  // namespace
}  // namespace odw::executors
