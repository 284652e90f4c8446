#include "executors/text.h"

#include <gtest/gtest.h>

namespace odw::executors {
namespace {

TEST(Text, IllFormedBytesAreReplaced) {
  EXPECT_EQ(ToValidUtf8("plain é€😀"), "plain é€😀");
  EXPECT_EQ(ToValidUtf8("a\xff" "b"), "a\uFFFD" "b");
  EXPECT_EQ(ToValidUtf8("\xc0\xaf"), "\uFFFD");          // overlong
  EXPECT_EQ(ToValidUtf8("\xed\xa0\x80"), "\uFFFD");      // a surrogate
  EXPECT_EQ(ToValidUtf8("x\xe2\x82"), "x\uFFFD");        // cut short
  EXPECT_EQ(ToValidUtf8("\xf5\x80\x80\x80"), "\uFFFD");  // past the last character
}

TEST(Text, TailStartsAtACharacter) {
  EXPECT_EQ(TailOf("abc", 10), "abc");
  EXPECT_EQ(TailOf("ab€", 2), "");
  EXPECT_EQ(TailOf("ab€x", 4), "€x");
}

}  // namespace
}  // namespace odw::executors
