#include "executors/runtimes/codex/codex_tools.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <map>

namespace odw::executors {
namespace {

CodexTools Of(std::initializer_list<const char*> tools, const std::string& network = "") {
  odw::v1::AgentRequest request;
  for (const char* tool : tools) request.add_tools(tool);
  request.set_network(network);
  return CodexToolsOf(request);
}

std::string Setting(const CodexTools& tools, const std::string& key) {
  const std::map<std::string, std::string> all(tools.settings.begin(), tools.settings.end());
  return all.count(key) > 0 ? all.at(key) : "";
}

TEST(CodexTools, WithoutAListNothingIsTakenAway) {
  const CodexTools all = Of({});
  EXPECT_TRUE(all.settings.empty());
  EXPECT_FALSE(all.read_only);
  EXPECT_TRUE(all.not_enforced.empty());
}

TEST(CodexTools, TheShellGoesWhereNeitherRunningNorReadingIsListed) {
  const CodexTools edits = Of({"Edit", "Write"});
  EXPECT_EQ(Setting(edits, "features.shell_tool"), "false");
  EXPECT_FALSE(edits.read_only);
  EXPECT_TRUE(edits.not_enforced.empty());
  EXPECT_EQ(Setting(Of({"Bash", "Edit"}), "features.shell_tool"), "");
}

TEST(CodexTools, AListThatWritesNothingIsHeldByTheSandbox) {
  const CodexTools reads = Of({"Read", "Grep"});
  EXPECT_TRUE(reads.read_only);
  EXPECT_EQ(Setting(reads, "features.shell_tool"), "");
  ASSERT_EQ(reads.not_enforced.size(), 1u);
  EXPECT_NE(reads.not_enforced[0].find("commands too"), std::string::npos);
  EXPECT_FALSE(Of({"Bash"}).read_only);
}

TEST(CodexTools, TheWebIsSearchedWhereItIsListedAndTheNetworkIsNotForbidden) {
  EXPECT_EQ(Setting(Of({"WebSearch"}), "web_search"), "\"live\"");
  EXPECT_EQ(Setting(Of({"WebSearch"}, "no"), "web_search"), "");
  EXPECT_EQ(Setting(Of({"Read"}), "web_search"), "");
}

TEST(CodexTools, WhatItCannotHoldIsSaid) {
  EXPECT_EQ(Of({"mcp__x__y"}).not_enforced.size(), 1u);
  const CodexTools pattern = Of({"Bash(git status:*)", "Edit"});
  ASSERT_EQ(pattern.not_enforced.size(), 1u);
  EXPECT_NE(pattern.not_enforced[0].find("patterns"), std::string::npos);
  EXPECT_EQ(Of({"Bash"}).not_enforced.size(), 1u);
}

}  // namespace
}  // namespace odw::executors
