#include "executors/cli/transcript.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "executors/cli/line_tail.h"

namespace odw::executors {
namespace {

namespace fs = std::filesystem;

class TranscriptTest : public testing::Test {
 protected:
  TranscriptTest() {
    char name[] = "/tmp/odw-transcript-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~TranscriptTest() override { fs::remove_all(folder_); }
  std::string Append(const std::string& name, const std::string& text) {
    const fs::path path = folder_ + "/" + name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::app) << text;
    return path;
  }
  std::vector<std::string> Read(LineTail* tail) {
    std::vector<std::string> lines;
    tail->Read([&](std::string_view line) { lines.emplace_back(line); });
    return lines;
  }
  std::string folder_;
};

TEST_F(TranscriptTest, IsFoundAtItsDepthByItsEnding) {
  EXPECT_EQ(FindTranscript(folder_ + "/none", 3, "-id.jsonl"), "");
  Append("2026/11/22/rollout-2-other.jsonl", "x\n");
  EXPECT_EQ(FindTranscript(folder_, 3, "-id.jsonl"), "");
  const std::string path = Append("2026/11/21/rollout-1-id.jsonl", "x\n");
  EXPECT_EQ(FindTranscript(folder_, 3, "-id.jsonl"), path);
  EXPECT_EQ(FindTranscript(folder_, 1, "-id.jsonl"), "");
  EXPECT_EQ(FindTranscript(folder_ + "/2026/11", 1, "/rollout-1-id.jsonl"), path);
}

TEST_F(TranscriptTest, ATornLineIsTakenOnceItIsWhole) {
  LineTail tail(folder_ + "/t");
  EXPECT_TRUE(Read(&tail).empty());  // it is not there yet
  Append("t", "one\ntw");
  EXPECT_EQ(Read(&tail), std::vector<std::string>{"one"});
  EXPECT_TRUE(Read(&tail).empty());
  Append("t", "o\n");
  EXPECT_EQ(Read(&tail), std::vector<std::string>{"two"});
}

TEST_F(TranscriptTest, OfALongOneTheEndIsRead) {
  const std::string path = Append("t", "first line\nsecond\nthird\n");
  LineTail tail(path, 13);
  EXPECT_EQ(Read(&tail), (std::vector<std::string>{"second", "third"}));
  Append("t", "fourth\n");
  EXPECT_EQ(Read(&tail), std::vector<std::string>{"fourth"});
}

TEST_F(TranscriptTest, WhatIsNoFileIsNotWaitedFor) {
  ASSERT_EQ(mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  LineTail tail(folder_ + "/fifo");
  EXPECT_TRUE(Read(&tail).empty());
}

}  // namespace
}  // namespace odw::executors
