#include "executors/worktree/linked_tree.h"

#include <thread>

#include "executors/worktree/worktree_testing.h"

namespace odw::executors::worktree {
namespace {

namespace fs = std::filesystem;

TEST(LinkedTree, StartsFromHeadAndLeavesNoBranchBehind) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  EXPECT_EQ(tree.base_commit, repo.Git("rev-parse HEAD"));
  EXPECT_EQ(TestRepository::Read(tree.path + "/a.txt"), "one\n");
  EXPECT_EQ(repo.Git("branch --format='%(refname)'"), "refs/heads/main");
  EXPECT_EQ(repo.Sh("git -C trees/t1 status --porcelain"), "");
}

TEST(LinkedTree, WorksInTheFolderThatCorrespondsToTheRuns) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1", {.folder = repo.top() + "/sub"});
  EXPECT_EQ(tree.cwd, tree.path + "/sub");
  EXPECT_TRUE(fs::exists(tree.cwd + "/b.txt"));
}

TEST(LinkedTree, StartsFromTheGivenBaseNotFromHead) {
  TestRepository repo;
  const std::string base = repo.Git("rev-parse HEAD");
  repo.Sh("cd main && echo later > a.txt && git commit -qam second");
  const LinkedTreeInfo tree = repo.Tree("t1", {.base_commit = base});
  EXPECT_EQ(TestRepository::Read(tree.path + "/a.txt"), "one\n");
}

TEST(LinkedTree, NothingDoneIsNothingChanged) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_FALSE(taken.changed());
  EXPECT_EQ(taken.files_changed(), 0u);
  ASSERT_TRUE(RemoveTree(tree).ok());
  EXPECT_FALSE(fs::exists(tree.path));
  EXPECT_EQ(repo.Git("worktree list | wc -l"), "1");
}

// The whole list of the design: own commits, staged, unstaged, untracked, deleted, modes, links,
// binary, chosen ignored paths.
TEST(LinkedTree, CapturesEverythingThatANodeCanLeave) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  const std::string binary("\0\1\2\xff\n\r\n\0", 8);
  TestRepository::Write(tree.path + "/bin.dat", binary);
  TestRepository::Write(tree.path + "/build/kept.o", "object");
  TestRepository::Write(tree.path + "/build/other/x", "not chosen");
  repo.Sh(
      "cd trees/t1 && echo own > own.txt && git add own.txt && git commit -qm 'the node commits'"
      " && echo staged > staged.txt && git add staged.txt && echo unstaged >> a.txt"
      " && rm c.txt && echo 'echo hi' > run.sh && chmod +x run.sh && ln -s a.txt link"
      " && mkdir -p deep/er && echo untracked > deep/er/new.txt && printf 'a\\r\\nb' > crlf.txt");
  const v1::Worktree taken = repo.Take(tree, {"build/kept.o"});
  EXPECT_TRUE(taken.changed());
  EXPECT_TRUE(taken.kept_path().empty());
  ASSERT_TRUE(RemoveTree(tree).ok());

  repo.Sh("git clone -q main check && cd check && git fetch -q origin refs/odw/run1/n1/t1 && "
          "git checkout -q FETCH_HEAD");
  const std::string at = repo.root() + "/check/";
  EXPECT_EQ(TestRepository::Read(at + "own.txt"), "own\n");
  EXPECT_EQ(TestRepository::Read(at + "staged.txt"), "staged\n");
  EXPECT_EQ(TestRepository::Read(at + "a.txt"), "one\nunstaged\n");
  EXPECT_FALSE(fs::exists(at + "c.txt"));
  EXPECT_EQ(TestRepository::Read(at + "bin.dat"), binary);
  EXPECT_EQ(TestRepository::Read(at + "crlf.txt"), "a\r\nb");
  EXPECT_EQ(TestRepository::Read(at + "deep/er/new.txt"), "untracked\n");
  EXPECT_EQ(TestRepository::Read(at + "build/kept.o"), "object");
  EXPECT_FALSE(fs::exists(at + "build/other/x"));
  EXPECT_TRUE(fs::is_symlink(at + "link"));
  EXPECT_EQ(repo.Sh("cd check && git ls-files -s run.sh | cut -c1-6"), "100755");
  EXPECT_EQ(repo.Sh("cd check && git log --format=%s | head -2"), "odw: n1\nthe node commits");
  EXPECT_EQ(repo.Git("rev-parse refs/odw/run1/n1/result"), taken.result_commit());
}

TEST(LinkedTree, KeepsStagedContentThatNoFileHoldsAnyMore) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && echo staged > a.txt && git add a.txt && echo final > a.txt");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_EQ(repo.Git("show " + taken.result_commit() + ":a.txt"), "final");
  EXPECT_EQ(repo.Git("show " + taken.result_commit() + "~1:a.txt"), "staged");
}

TEST(LinkedTree, ItsPatchTurnsTheBaseIntoTheResultByteForByte) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  TestRepository::Write(tree.path + "/bin.dat", std::string("\0\xff\1", 3));
  repo.Sh("cd trees/t1 && rm c.txt && echo x > 'name with space' && chmod +x a.txt");
  const v1::Worktree taken = repo.Take(tree);
  TestRepository::Write(repo.root() + "/patch", taken.diff().inline_());
  repo.Sh("cd main && git apply --index ../patch");
  EXPECT_EQ(repo.Git("write-tree"), repo.Git("rev-parse " + taken.result_commit() + "^{tree}"));
}

TEST(LinkedTree, ALargeFileIsWholeInTheRefThoughItsPatchIsCut) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("head -c 70000000 /dev/urandom > trees/t1/large.bin");
  const std::string sum = repo.Sh("sha256sum < trees/t1/large.bin");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_TRUE(taken.diff_cut());
  EXPECT_EQ(taken.files_changed(), 1u);
  ASSERT_TRUE(RemoveTree(tree).ok());
  EXPECT_EQ(repo.Sh("git -C main cat-file blob refs/odw/run1/n1/t1:large.bin | sha256sum"), sum);
}

TEST(LinkedTree, AnotherRepositoryInsideKeepsTheFolder) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && git init -q inner && cd inner && echo precious > p && git add p && "
          "git -c user.name=x -c user.email=y commit -qm p");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_EQ(taken.kept_path(), tree.path);
}

TEST(LinkedTree, ADeletedGitFileLosesNothing) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && echo kept > new.txt && rm .git");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_EQ(repo.Git("show " + taken.result_commit() + ":new.txt"), "kept");
}

TEST(LinkedTree, EditsThatGitWasToldToOverlookAreCaptured) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && git update-index --assume-unchanged a.txt && git update-index "
          "--skip-worktree sub/b.txt c.txt && echo edited > a.txt && echo edited > sub/b.txt");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_EQ(repo.Git("show " + taken.result_commit() + ":a.txt"), "edited");
  EXPECT_EQ(repo.Git("show " + taken.result_commit() + ":sub/b.txt"), "edited");
}

TEST(LinkedTree, WhatASparseCheckoutLeavesOutIsNoDeletion) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && git update-index --skip-worktree c.txt && rm c.txt && echo n > n.txt");
  const v1::Worktree taken = repo.Take(tree);
  ASSERT_EQ(taken.files_size(), 1) << taken.DebugString();
  EXPECT_EQ(taken.files(0), "n.txt");
}

TEST(LinkedTree, ALinkToARepositoryIsCapturedAsALink) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && ln -s . loop");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_EQ(taken.kept_path(), "");
  EXPECT_EQ(repo.Git("show " + taken.result_commit() + ":loop"), ".");
}

TEST(LinkedTree, NamesThatAreNotUtf8AreCaptured) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && echo x > \"$(printf 'f\\377.txt')\"");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_EQ(repo.Git("show " + taken.result_commit() + ":\"$(printf 'f\\377.txt')\""), "x");
}

TEST(LinkedTree, AnIgnoredPathThatCannotBeKeptIsNamedAndTheRestIsCaptured) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && mkdir build && echo o > build/o && ln -s /etc outside && echo n > n.txt");
  const v1::Worktree taken = repo.Take(
      tree, {"/etc/hostname", ".git", "", "build/../../../x", "outside/hostname", "build"});
  EXPECT_EQ(taken.kept_path(), "");
  EXPECT_EQ(taken.notes_size(), 5) << taken.DebugString();
  EXPECT_EQ(repo.Git("ls-tree -r --name-only " + taken.result_commit() + " build n.txt outside"),
            "build/o\nn.txt\noutside");
}

TEST(LinkedTree, WhatADeathInTheMiddleLeftIsRemoved) {
  TestRepository repo;
  const LinkedTreeInfo half = repo.Tree("t1");
  repo.Sh("rm -r main/.git/worktrees/t1 trees/t1/.git");
  ASSERT_TRUE(RemoveTree(half).ok());
  EXPECT_FALSE(fs::exists(half.path));
  repo.Sh("mkdir -p main/.git/worktrees/t2 trees/t2 && git -C main branch odw-tmp/t2");
  ASSERT_TRUE(RemoveTree({.repository = repo.top(), .path = repo.root() + "/trees/t2", .name = "t2"}).ok());
  EXPECT_EQ(repo.Git("branch --format='%(refname)'"), "refs/heads/main");
  EXPECT_EQ(repo.Sh("ls main/.git/worktrees trees"), "main/.git/worktrees:\n\ntrees:");
}

TEST(LinkedTree, ANodeThatRemovesItsOwnFolderKeepsItsCommits) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && echo own > own.txt && git add . && git commit -qm own && rm -rf ../t1");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_EQ(taken.kept_path(), "");
  ASSERT_EQ(taken.notes_size(), 1);
  EXPECT_NE(taken.notes(0).find("removed"), std::string::npos) << taken.notes(0);
  EXPECT_EQ(repo.Git("show --format=%s --name-only " + taken.result_commit()), "own\n\nown.txt");
  ASSERT_TRUE(RemoveTree(tree).ok());
  EXPECT_EQ(repo.Git("worktree list | wc -l"), "1");
}

TEST(LinkedTree, AnOrphanBranchOfTheNodesIsCaptured) {
  TestRepository repo;
  const LinkedTreeInfo tree = repo.Tree("t1");
  repo.Sh("cd trees/t1 && git checkout -q --orphan fresh && echo o > o.txt");
  const v1::Worktree taken = repo.Take(tree);
  EXPECT_EQ(repo.Git("show " + taken.result_commit() + ":o.txt"), "o");
}

TEST(LinkedTree, GoesOnFromWhatAnEarlierAttemptLeft) {
  TestRepository repo;
  const LinkedTreeInfo first = repo.Tree("t1");
  repo.Sh("echo half > trees/t1/half.txt");
  const v1::Worktree taken = repo.Take(first);
  ASSERT_TRUE(RemoveTree(first).ok());
  const LinkedTreeInfo second = repo.Tree(
      "t2", {.base_commit = first.base_commit,
             .start_refs = {"refs/odw/run1/n1/none", taken.result_ref()}});
  EXPECT_EQ(TestRepository::Read(second.path + "/half.txt"), "half\n");
  EXPECT_TRUE(repo.Take(second).changed());
}

TEST(LinkedTree, DirtyEditsAreNamedOrCarried) {
  TestRepository repo;
  repo.Sh("cd main && echo edited > a.txt && echo new > new.txt");
  const LinkedTreeInfo left = repo.Tree("t1");
  EXPECT_EQ(TestRepository::Read(left.path + "/a.txt"), "one\n");
  ASSERT_EQ(left.notes.size(), 1u);
  EXPECT_NE(left.notes[0].find("a.txt, new.txt"), std::string::npos) << left.notes[0];

  const LinkedTreeInfo carried = repo.Tree("t2", {.dirty = TreeRequest::Dirty::kInclude});
  EXPECT_EQ(TestRepository::Read(carried.path + "/a.txt"), "edited\n");
  EXPECT_EQ(TestRepository::Read(carried.path + "/new.txt"), "new\n");
  EXPECT_FALSE(repo.Take(carried).changed());
  EXPECT_EQ(repo.Git("status --porcelain"), " M a.txt\n?? new.txt");
}

void ExpectRefused(const std::string& folder, const std::string& says) {
  const auto made = MakeTree({.folder = folder, .path = folder + "-tree", .name = "x"});
  EXPECT_TRUE(absl::IsFailedPrecondition(made.status())) << made.status();
  EXPECT_NE(MessageOf(made.status()).find(says), std::string::npos) << made.status();
  EXPECT_FALSE(fs::exists(folder + "-tree"));
}

TEST(LinkedTree, RefusesByNameWhereNoTreeCanBe) {
  TestRepository repo;
  repo.Sh("mkdir plain && git init -q empty && git clone -q --bare main bare.git");
  ExpectRefused(repo.root() + "/plain", "no git repository");
  ExpectRefused(repo.root() + "/empty", "no commit yet");
  ExpectRefused(repo.root() + "/bare.git", "bare repository");
  const auto unknown = MakeTree({.folder = repo.top(),
                                 .base_commit = std::string(40, 'a'),
                                 .path = repo.root() + "/x",
                                 .name = "x"});
  EXPECT_NE(MessageOf(unknown.status()).find("is not in the repository"), std::string::npos);
}

TEST(LinkedTree, WorksDetachedInARebaseAndWithSubmodules) {
  TestRepository repo;
  repo.Make("lib");
  repo.Sh("cd main && git -c protocol.file.allow=always submodule --quiet add ../lib lib && "
          "git commit -qm sub && git checkout -q --detach");
  const LinkedTreeInfo detached = repo.Tree("t1");
  ASSERT_EQ(detached.notes.size(), 1u);
  EXPECT_NE(detached.notes[0].find("1 submodules"), std::string::npos);
  EXPECT_FALSE(repo.Take(detached).changed());

  repo.Sh("cd main && git checkout -q main && git checkout -qb side && echo s > a.txt && "
          "git commit -qam s && git checkout -q main && echo m > a.txt && git commit -qam m && "
          "(git rebase side || true)");
  const LinkedTreeInfo mid = repo.Tree("t2");
  EXPECT_NE(mid.notes[0].find("in the middle of a rebase"), std::string::npos) << mid.notes[0];
}

TEST(LinkedTree, SixteenAtOnceInOneRepository) {
  TestRepository repo;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&repo, i] {
      const std::string name = "t" + std::to_string(i);
      const LinkedTreeInfo tree = repo.Tree(name);
      TestRepository::Write(tree.path + "/mine.txt", name);
      const absl::StatusOr<v1::Worktree> taken = Capture(
          {.tree = tree, .ref = "refs/odw/run1/n" + name + "/1", .message = "odw: " + name});
      ASSERT_TRUE(taken.ok()) << taken.status();
      EXPECT_TRUE(RemoveTree(tree).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 16; ++i) {
    const std::string name = "t" + std::to_string(i);
    EXPECT_EQ(repo.Git("show refs/odw/run1/n" + name + "/1:mine.txt"), name);
  }
  EXPECT_EQ(repo.Git("worktree list | wc -l"), "1");
  EXPECT_EQ(repo.Git("branch --format='%(refname)'"), "refs/heads/main");
}

}  // namespace
}  // namespace odw::executors::worktree
