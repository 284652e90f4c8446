#include <gtest/gtest.h>

#include <string>

#include "daemon/model/secret_scan.h"
#include "daemon/model/utf8.h"

namespace odw::model {
namespace {

TEST(Utf8, IllFormedBytesAreFoundWithTheirPlace) {
  EXPECT_TRUE(ScanUtf8("").ok);
  EXPECT_EQ(ScanUtf8("a\xc3\xa9z").chars, 3u);
  EXPECT_EQ(ScanUtf8("ab\xff").bad_byte, 2u);
  for (const char* bad : {"\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", "\x80"}) {
    EXPECT_FALSE(ScanUtf8(bad).ok) << bad;
  }
}

TEST(Utf8, APlaceCountsLinesAndCharacters) {
  const TextPlace place = PlaceOf("one\nt\xc3\xa9st", 7);
  EXPECT_EQ(place.line, 2u);
  EXPECT_EQ(place.column, 3u);
}

TEST(Utf8, ACutDoesNotEndInsideACharacter) {
  EXPECT_EQ(CutUtf8("a\xc3\xa9", 2), "a");
  EXPECT_EQ(CutUtf8("a\xc3\xa9", 3), "a\xc3\xa9");
}

// Put together here, so that no scanner of this repository takes them for real.
std::string Made(const std::string& prefix, size_t length) {
  const std::string letters = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6";
  std::string body;
  while (body.size() < length) body += letters;
  return prefix + body.substr(0, length);
}

TEST(Secrets, KnownShapesAreFound) {
  const std::string upper = "A1B2C3D4E5F6G7H8";
  const std::string cases[] = {Made("sk-ant-", 40), Made("sk-", 40), Made("sk-proj-", 60),
                               "AKIA" + upper,      Made("ghp_", 36), Made("github_pat_", 60),
                               Made("xoxb-", 40),   Made("AIza", 35), Made("glpat-", 20),
                               std::string("-----BEGIN RSA ") + "PRIVATE KEY-----\nMII"};
  for (const std::string& key : cases) {
    const auto found = FindSecret("const k = '" + key + "'");
    ASSERT_TRUE(found.has_value()) << key;
    EXPECT_EQ(found->byte, 11u) << key;
  }
  EXPECT_TRUE(FindSecret("{\"k\":\"\\n" + Made("sk-ant-", 40) + "\"}").has_value());
}

TEST(Secrets, OrdinaryTextIsNone) {
  const std::string cases[] = {
      "",
      "sk-ant-",
      "sk-learn-is-a-library-for-machine-learning-in-python",
      "task-force-of-many-words-with-dashes-and-1-number-2",
      "risk-" + Made("", 50),
      Made("desk-", 40),
      "AKIAIOSFODNN7" + std::string("EXAMPLE"),
      "AKIA" + std::string(17, 'B'),
      "sk-ant-" + std::string(40, 'x'),
      "-----BEGIN CERTIFICATE-----",
      "// odw:allow-secret\n",
  };
  for (const std::string& text : cases) EXPECT_FALSE(FindSecret(text).has_value()) << text;
}

TEST(Secrets, AMarkOnTheLineLetsThatOneThrough) {
  const std::string key = Made("sk-ant-", 40);
  EXPECT_FALSE(FindSecret("a = '" + key + "' // odw:allow-secret: a test's").has_value());
  const auto next = FindSecret("a = '" + key + "' // odw:allow-secret\nb = '" + key + "'");
  ASSERT_TRUE(next.has_value());
  EXPECT_GT(next->byte, 60u);
}

}  // namespace
}  // namespace odw::model
