#include "daemon/base/canonical_json.h"

#include <gtest/gtest.h>

namespace odw {
namespace {

TEST(CanonicalJson, SortsKeysAndDropsSpace) {
  EXPECT_EQ(*CanonicalJson(R"( {"b": [1, 2.5, null], "a": {"z":true,"y":"ü"}} )"),
            R"({"a":{"y":"ü","z":true},"b":[1,2.5,null]})");
}

TEST(CanonicalJson, SaysWhereItBroke) {
  auto bad = CanonicalJson("{\"a\":}");
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.status().message().find("column"), absl::string_view::npos) << bad.status();
}

TEST(CanonicalJson, RefusesATextThatGoesOnAfterANul) {
  using std::string_view_literals::operator""sv;
  EXPECT_TRUE(absl::IsInvalidArgument(CanonicalJson("1\0x"sv).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(CanonicalJson("{}\0"sv).status()));
}

TEST(JsonQuote, EscapesWhatJsonMust) {
  EXPECT_EQ(JsonQuote("a\"\n\x01"), "\"a\\\"\\n\\u0001\"");
  EXPECT_EQ(JsonQuote("\xff"), "\"\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace odw
