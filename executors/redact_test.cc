#include "executors/redact.h"

#include <gtest/gtest.h>

namespace odw::executors {
namespace {

TEST(Redact, TakesSecretsOutOfEveryPartOfAResult) {
  const Redactor redactor({"sk-secret-123456", "short", "with\"quote-1234"});
  odw::v1::Result result;
  result.set_value(R"({"a":"x sk-secret-123456 y","b":"with\"quote-1234"})");
  result.set_raw_text("sk-secret-123456sk-secret-123456 short");
  result.mutable_error()->set_message("key sk-secret-123456");
  result.mutable_worktree()->add_files("sk-secret-123456.txt");
  result.mutable_worktree()->add_notes("not captured: sk-secret-123456");
  result.mutable_worktree()->mutable_diff()->set_inline_("+sk-secret-123456");
  redactor.Redact(&result);
  EXPECT_EQ(result.value(), R"({"a":"x [redacted] y","b":"[redacted]"})");
  EXPECT_EQ(result.raw_text(), "[redacted][redacted] short");
  EXPECT_EQ(result.error().message(), "key [redacted]");
  EXPECT_EQ(result.worktree().files(0), "[redacted].txt");
  EXPECT_EQ(result.worktree().notes(0), "not captured: [redacted]");
  EXPECT_EQ(result.worktree().diff().inline_(), "+[redacted]");
}

}  // namespace
}  // namespace odw::executors
