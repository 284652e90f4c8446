#include "daemon/registry/agent_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "daemon/base/ids.h"
#include "daemon/registry/front_matter.h"

namespace odw::registry {
namespace {

TEST(FrontMatter, KeysListsAndBlocks) {
  const auto matter = ParseFrontMatter(
      "---\r\nname: reviewer\r\ndescription: \"Use it: often\"\r\nmodel: 'it''s'\r\n"
      "tools: [Read, \"Grep\"]\r\nextra:\r\n  - a\r\n  - b\r\nlong: |\r\n  one\r\n  two\r\n"
      "# a comment\r\n---\r\n\r\nYou review.\r\nCarefully.\r\n");
  ASSERT_TRUE(matter.ok()) << matter.status();
  EXPECT_EQ(matter->Text("name"), "reviewer");
  EXPECT_EQ(matter->Text("description"), "Use it: often");
  EXPECT_EQ(matter->Text("model"), "it's");
  EXPECT_EQ(matter->Text("tools"), "Read, Grep");
  EXPECT_EQ(matter->Text("extra"), "a, b");
  EXPECT_EQ(matter->Text("long"), "one\ntwo");
  EXPECT_EQ(matter->body, "You review.\r\nCarefully.");
}

TEST(FrontMatter, PlainTextMayHoldColonsAndGoOn) {
  const auto matter =
      ParseFrontMatter("---\ndescription: when: the user says \"x\": do it\n  and more\n---\nP");
  ASSERT_TRUE(matter.ok()) << matter.status();
  EXPECT_EQ(matter->Text("description"), "when: the user says \"x\": do it and more");
}

TEST(FrontMatter, WhatIsNoneIsToldWithItsLine) {
  EXPECT_NE(MessageOf(ParseFrontMatter("hello").status()).find("must be ---"), std::string::npos);
  EXPECT_NE(MessageOf(ParseFrontMatter("").status()).find("empty"), std::string::npos);
  EXPECT_NE(MessageOf(ParseFrontMatter("---\nname: x\n").status()).find("no end"), std::string::npos);
  EXPECT_NE(MessageOf(ParseFrontMatter("---\nname: x\nwhat is this\n---").status()).find("line 3"),
            std::string::npos);
}

class AgentFiles : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("odw_agents_" + RandomHex(6));
    std::filesystem::create_directories(root_ + "/repo/.git");
    std::filesystem::create_directories(root_ + "/repo/sub");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = root_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  AgentScan Scan() { return ScanAgents(root_ + "/repo/sub", {.config = root_ + "/home"}); }

  std::string root_;
};

TEST_F(AgentFiles, Spec_D9_TheNearestDefinitionOfANameWins) {
  Write("repo/.claude/agents/r.md", "---\nname: reviewer\nmodel: opus\n---\nouter");
  Write("repo/sub/.claude/agents/x.md",
        "---\nname: reviewer\ndescription: d\ntools: Read, Grep\n---\ninner");
  Write("home/agents/h.md", "---\nname: helper\n---\nhome");
  Write("home/plugins/kit/agents/p.md", "---\nname: fixer\n---\nplugin");
  const AgentScan scan = Scan();
  ASSERT_EQ(scan.agents.size(), 3u);
  EXPECT_EQ(scan.agents[0].name(), "reviewer");
  EXPECT_EQ(scan.agents[0].prompt(), "inner");
  ASSERT_EQ(scan.agents[0].tools_size(), 2);
  EXPECT_EQ(scan.agents[0].tools(1), "Grep");
  EXPECT_EQ(scan.agents[0].sha256().size(), 32u);
  EXPECT_EQ(scan.agents[1].name(), "helper");
  EXPECT_EQ(scan.agents[2].name(), "kit:fixer");
  EXPECT_TRUE(scan.warnings.empty());
}

TEST_F(AgentFiles, ABadFileIsAWarningThatNamesIt) {
  Write("repo/.claude/agents/a.md", "no front matter");
  Write("repo/.claude/agents/b.md", "---\nmodel: opus\n---\n");
  Write("repo/.claude/agents/c.md", "---\nname: c\n---\n\xff");
  Write("repo/.claude/agents/d.md", std::string(kAgentFileBytesMax + 1, 'x'));
  Write("repo/.claude/agents/e.md", "---\nname: fine\n---\n");
  const AgentScan scan = Scan();
  ASSERT_EQ(scan.agents.size(), 1u);
  ASSERT_EQ(scan.warnings.size(), 4u);
  EXPECT_NE(scan.warnings[0].find("a.md"), std::string::npos);
  EXPECT_NE(scan.warnings[1].find("no `name`"), std::string::npos);
  EXPECT_NE(scan.warnings[2].find("not UTF-8"), std::string::npos);
}

TEST_F(AgentFiles, WhatIsTooMuchIsLeftOutWithAWarning) {
  for (int i = 0; i < 6; ++i) {
    const std::string name = "a" + std::to_string(i);
    Write("repo/.claude/agents/" + name + ".md",
          "---\nname: " + name + "\n---\n" + std::string(200 << 10, 'x'));
  }
  const AgentScan scan = Scan();
  EXPECT_EQ(scan.agents.size(), 5u);
  ASSERT_EQ(scan.warnings.size(), 1u);
  EXPECT_NE(scan.warnings[0].find("a5.md on are left out"), std::string::npos);
}

}  // namespace
}  // namespace odw::registry
