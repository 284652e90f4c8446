#include "daemon/base/list_prices.h"

#include <gtest/gtest.h>

namespace odw {
namespace {

TEST(ListPrices, AModelIsFoundByItsWholeNameOrItsFamily) {
  ASSERT_NE(FindListedPrice("glm-5.1"), nullptr);
  EXPECT_EQ(FindListedPrice("glm-5.1")->input, 6'000'000);
  EXPECT_EQ(FindListedPrice("glm-5.1-air"), nullptr);  // no family: another model, another price
  EXPECT_EQ(FindListedPrice("claude-opus-4-1")->input, 5'000'000);
  EXPECT_EQ(FindListedPrice("claude-opus-5-5")->input, 4'000'000);  // the longer start
  EXPECT_EQ(FindListedPrice("opus")->input, 4'000'000);
  EXPECT_EQ(FindListedPrice("opus-like"), nullptr);
  EXPECT_EQ(FindListedPrice(""), nullptr);
}

TEST(ListPrices, AProviderHasAUsualModel) {
  ASSERT_NE(UsualModelOf("kimi"), nullptr);
  EXPECT_STREQ(UsualModelOf("kimi")->model, "kimi-k2.6");
  EXPECT_EQ(UsualModelOf("nobody"), nullptr);
  EXPECT_EQ(UsualModelOf(""), nullptr);
}

}  // namespace
}  // namespace odw
