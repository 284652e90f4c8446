#include "executors/valid_strings.h"

#include <gtest/gtest.h>

#include "odw/v1/executor.pb.h"

namespace odw::executors {
namespace {

TEST(ValidStrings, AResultWithAnyNamesInItCanBeReadAgain) {
  odw::v1::Result result;
  result.set_value("bytes \xff stay");
  result.set_session_id("s\xff");
  result.mutable_error()->set_message("why \xe9");
  result.mutable_worktree()->add_files("plain");
  result.mutable_worktree()->add_files("f\xff.txt");
  result.mutable_worktree()->mutable_diff()->set_inline_("+\xff");
  MakeStringsValid(&result);
  odw::v1::Result read;
  ASSERT_TRUE(read.ParseFromString(result.SerializeAsString()));
  EXPECT_EQ(read.value(), "bytes \xff stay");
  EXPECT_EQ(read.session_id(), "s\uFFFD");
  EXPECT_EQ(read.error().message(), "why \uFFFD");
  EXPECT_EQ(read.worktree().files(0), "plain");
  EXPECT_EQ(read.worktree().files(1), "f\uFFFD.txt");
  EXPECT_EQ(read.worktree().diff().inline_(), "+\xff");
}

}  // namespace
}  // namespace odw::executors
