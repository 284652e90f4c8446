#include "executors/cli/program.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "daemon/base/fd.h"
#include "executors/runtimes/claude/claude_adapter.h"
#include "executors/runtimes/codex/codex_adapter.h"

namespace odw::executors {
namespace {

class Programs : public testing::Test {
 protected:
  Programs() {
    char folder[] = "/tmp/odw-program-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~Programs() override { std::filesystem::remove_all(folder_); }
  std::string Script(const std::string& body) {
    const std::string path = folder_ + "/cli";
    EXPECT_TRUE(WriteFileAtomically(path, "#!/bin/sh\n" + body + "\n").ok());
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
    return path;
  }
  std::string folder_;
};

TEST_F(Programs, TheVersionIsReadFromWhatTheySay) {
  EXPECT_EQ(ProbeVersion("claude", Script("echo '2.1.330 (Claude Code)'"), kClaudeOldest).value(),
            "2.1.330");
  EXPECT_EQ(ProbeVersion("codex", Script("echo 'codex-cli 0.169.0'"), kCodexOldest).value(),
            "0.169.0");
}

TEST_F(Programs, OlderOnesAreRefusedByNameAndVersion) {
  const auto claude =
      ClaudeAdapter::Make({.program = Script("echo '2.0.99 (Claude Code)'")}, folder_);
  ASSERT_FALSE(claude.ok());
  for (const char* word : {"claude 2.0.99", "too old", "2.1.0", "[claude] program"}) {
    EXPECT_NE(MessageOf(claude.status()).find(word), std::string::npos) << claude.status();
  }
  const auto codex = CodexAdapter::Make({.program = Script("echo 'codex-cli 0.99.12'")}, folder_);
  ASSERT_FALSE(codex.ok());
  for (const char* word : {"codex 0.99.12", "too old", "0.100.0", "[codex] program"}) {
    EXPECT_NE(MessageOf(codex.status()).find(word), std::string::npos) << codex.status();
  }
}

TEST_F(Programs, WhatNamesNoVersionIsRefused) {
  for (const char* body : {"echo hello", "exit 3", "true", "echo 7"}) {
    EXPECT_FALSE(ProbeVersion("claude", Script(body), kClaudeOldest).ok()) << body;
  }
  EXPECT_FALSE(FindCli("claude", folder_ + "/gone").ok());
}

}  // namespace
}  // namespace odw::executors
