// A throw-away repository made and read by the git program itself: what the tests compare with.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "executors/worktree/linked_tree.h"

namespace odw::executors::worktree {

class TestRepository {
 public:
  TestRepository() {
    char pattern[] = "/tmp/odw-worktree-XXXXXX";
    root_ = mkdtemp(pattern);
    Make("main");
  }
  ~TestRepository() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  std::string root() const { return root_; }
  std::string top() const { return root_ + "/main"; }

  void Make(const std::string& name) {
    Sh("mkdir -p " + name + " && cd " + name + " && git init -q -b main && git config user.name T" +
       " && git config user.email t@example.com && git config commit.gpgsign false" +
       " && echo one > a.txt && mkdir -p sub && echo two > sub/b.txt && echo gone > c.txt" +
       " && echo build/ > .gitignore && git add -A && git commit -qm first");
  }

  // Runs in the root; the output without its last newline. Fails the test on a non-zero status.
  std::string Sh(const std::string& command) const {
    std::string all = "cd " + root_ + " && (" + command + ") 2>&1";
    FILE* pipe = popen(all.c_str(), "r");
    std::string out;
    std::array<char, 4096> buffer;
    while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
      out.append(buffer.data(), got);
    }
    const int status = pclose(pipe);
    EXPECT_EQ(WEXITSTATUS(status), 0) << command << "\n" << out;
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }
  std::string Git(const std::string& args) const { return Sh("git -C main " + args); }

  static void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  LinkedTreeInfo Tree(const std::string& name, TreeRequest request = {}) const {
    request.folder = request.folder.empty() ? top() : request.folder;
    request.path = root_ + "/trees/" + name;
    request.name = name;
    absl::StatusOr<LinkedTreeInfo> made = MakeTree(request);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : LinkedTreeInfo{};
  }

  v1::Worktree Take(const LinkedTreeInfo& tree, std::vector<std::string> keep_ignored = {}) const {
    absl::StatusOr<v1::Worktree> captured =
        Capture({.tree = tree,
                 .ref = "refs/odw/run1/n1/" + tree.name,
                 .result_ref = "refs/odw/run1/n1/result",
                 .message = "odw: n1",
                 .keep_ignored = std::move(keep_ignored)});
    EXPECT_TRUE(captured.ok()) << captured.status();
    return captured.ok() ? *captured : v1::Worktree{};
  }

 private:
  std::string root_;
};

}  // namespace odw::executors::worktree
