#include "daemon/base/frame.h"

#include <gtest/gtest.h>

namespace odw {
namespace {

TEST(Frame, ComesOutWholeHoweverItArrives) {
  std::string wire;
  AppendFrame("first", &wire);
  AppendFrame("", &wire);
  AppendFrame(std::string(100000, 'x'), &wire);
  FrameReader reader;
  std::vector<std::string> frames;
  for (char byte : wire) {
    reader.Feed(std::string_view(&byte, 1));
    for (;;) {
      auto frame = reader.Next();
      ASSERT_TRUE(frame.ok());
      if (!*frame) break;
      frames.emplace_back(**frame);
    }
  }
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0], "first");
  EXPECT_EQ(frames[1], "");
  EXPECT_EQ(frames[2].size(), 100000u);
}

TEST(Frame, RefusesAMonstrousLength) {
  FrameReader reader;
  reader.Feed(std::string("\xff\xff\xff\xff", 4));
  EXPECT_EQ(reader.Next().status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace odw
