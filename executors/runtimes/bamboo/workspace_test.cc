#include "executors/runtimes/bamboo/workspace.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "executors/runtimes/bamboo/tools.h"

namespace odw::executors {
namespace {

class WorkspaceTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/odw-ws-XXXXXX";
    folder_ = mkdtemp(folder);
    ASSERT_TRUE(MakeFolders(folder_ + "/root/sub").ok());
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/secret", "outside").ok());
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/root/a.txt", "one\ntwo\nthree\n").ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
  Workspace workspace() const { return Workspace(folder_ + "/root"); }
};

TEST_F(WorkspaceTest, ReadsLinesOfAFile) {
  EXPECT_EQ(*workspace().Read("a.txt", 0, 0), "one\ntwo\nthree\n");
  EXPECT_EQ(workspace().Read("a.txt", 2, 1)->substr(0, 4), "two\n");
  EXPECT_EQ(*workspace().Read(folder_ + "/root/a.txt", 3, 0), "three\n");
  EXPECT_FALSE(workspace().Read("none", 0, 0).ok());
  ASSERT_EQ(mkfifo((folder_ + "/root/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(workspace().Read("pipe", 0, 0).ok());  // and does not wait for a writer
}

TEST_F(WorkspaceTest, NothingLeadsOut) {
  ASSERT_EQ(symlink(folder_.c_str(), (folder_ + "/root/out").c_str()), 0);
  ASSERT_EQ(symlink("../secret", (folder_ + "/root/link").c_str()), 0);
  for (const char* path : {"../secret", "sub/../../secret", "out/secret", "link", "/etc/passwd"}) {
    EXPECT_FALSE(workspace().Read(path, 0, 0).ok()) << path;
    EXPECT_FALSE(workspace().Write(path, "x").ok()) << path;
    EXPECT_FALSE(workspace().Within(path).ok()) << path;
  }
  EXPECT_FALSE(workspace().Read((folder_ + "/rootless").c_str(), 0, 0).ok());
  EXPECT_EQ(*ReadFile(folder_ + "/secret", 100), "outside");
}

TEST_F(WorkspaceTest, WritesMakeFoldersButNotInGit) {
  EXPECT_TRUE(workspace().Write("x/y/z.txt", "deep").ok());
  EXPECT_EQ(*ReadFile(folder_ + "/root/x/y/z.txt", 100), "deep");
  EXPECT_FALSE(workspace().Write(".git/hooks/post-commit", "x").ok());
  EXPECT_FALSE(workspace().Write("sub/.git/config", "x").ok());
  EXPECT_TRUE(workspace().Write(".gitignore", "x").ok());
}

TEST_F(WorkspaceTest, FilesThatHoldSecretsAreLeftAlone) {
  for (const char* name :
       {".env", ".env.local", "sub/server.key", "cert.pem", "id_rsa", ".ssh/config"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(workspace().Read(name, 0, 0).status())) << name;
    EXPECT_TRUE(absl::IsPermissionDenied(workspace().Write(name, "x").status())) << name;
  }
  EXPECT_TRUE(workspace().Write(".env.example", "x").ok());
}

TEST_F(WorkspaceTest, EditsWhatOccursOnce) {
  EXPECT_TRUE(workspace().Edit("a.txt", "two", "2", Workspace::Which::kOnly).ok());
  EXPECT_EQ(*ReadFile(folder_ + "/root/a.txt", 100), "one\n2\nthree\n");
  EXPECT_FALSE(workspace().Edit("a.txt", "two", "2", Workspace::Which::kOnly).ok());
  EXPECT_FALSE(workspace().Edit("a.txt", "e", "E", Workspace::Which::kOnly).ok());
  EXPECT_TRUE(workspace().Edit("a.txt", "e", "eE", Workspace::Which::kEvery).ok());
  EXPECT_EQ(*ReadFile(folder_ + "/root/a.txt", 100), "oneE\n2\nthreEeE\n");
  EXPECT_FALSE(workspace().Edit("a.txt", "", "x", Workspace::Which::kOnly).ok());
}

TEST_F(WorkspaceTest, ListsNamesFoldersWithASlash) {
  EXPECT_EQ(*workspace().List(""), "a.txt\nsub/\n");
}

TEST_F(WorkspaceTest, AWrongCallIsAnsweredNotFatal) {
  const std::vector<std::string> tools = {"read", "run"};
  const auto act = [&](const char* name, const char* arguments) {
    ToolCall call;
    call.set_name(name);
    call.set_arguments(arguments);
    return Act(workspace(), tools, call);
  };
  EXPECT_TRUE(act("read", "{\"broken\": ").malformed);
  EXPECT_TRUE(act("read", "[]").malformed);
  EXPECT_TRUE(act("read", "{\"path\":7}").malformed);
  EXPECT_TRUE(act("write", "{\"path\":\"a\",\"content\":\"b\"}").malformed);  // not offered
  EXPECT_TRUE(act("nonsense", "{}").malformed);
  EXPECT_FALSE(act("read", "{\"path\":\"none\"}").malformed);
  EXPECT_EQ(act("run", "{\"command\":\"ls\"}").kind, ToolAction::Kind::kCommand);
}

TEST(Tools, FollowPermissionAndList) {
  odw::v1::AgentRequest request;
  EXPECT_TRUE(ToolsFor(request).empty());  // no folder to work in
  request.set_cwd("/tmp");
  EXPECT_EQ(ToolsFor(request).size(), 6u);
  request.set_permission("read-only");
  EXPECT_EQ(ToolsFor(request).size(), 3u);
  request.add_tools("Read");
  request.add_tools("Bash(git status:*)");
  EXPECT_EQ(ToolsFor(request), std::vector<std::string>{"read"});
}

TEST(Tools, DefinitionsAreShort) {
  const std::string all = ToolDefinitions({"read", "write", "edit", "list", "search", "run"});
  EXPECT_LT(all.size(), 2200u);  // some 500 tokens, carried by every call
}

}  // namespace
}  // namespace odw::executors
