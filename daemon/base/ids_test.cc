#include "daemon/base/ids.h"

#include <gtest/gtest.h>

namespace odw {
namespace {

TEST(Ids, RunIdsHaveTheSpecifiedShapeAndDiffer) {
  const std::string a = NewRunId(), b = NewRunId();
  EXPECT_TRUE(IsRunId(a)) << a;
  EXPECT_NE(a, b);
  EXPECT_TRUE(IsRunId("wf_1072dc96-6a2"));
  EXPECT_FALSE(IsRunId("wf_12345"));
  EXPECT_FALSE(IsRunId("wf_ABCDEFG"));
  EXPECT_FALSE(IsRunId("wf_../../x"));
}

TEST(Ids, TokensAreStableAndDistinct) {
  const std::string token = AttemptToken("wf_a", 7, 2);
  EXPECT_EQ(token, AttemptToken("wf_a", 7, 2));
  EXPECT_EQ(token.size(), 32u);
  EXPECT_NE(token, AttemptToken("wf_a", 7, 3));
  EXPECT_NE(token, AttemptToken("wf_a", 72, 0));
  EXPECT_EQ(AttemptName(7, 2), "n7.2");
}

}  // namespace
}  // namespace odw
