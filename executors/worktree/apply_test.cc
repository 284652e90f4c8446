#include "executors/worktree/apply.h"

#include <thread>

#include "executors/worktree/worktree_testing.h"

namespace odw::executors::worktree {
namespace {

class ApplyTest : public testing::Test {
 protected:
  // What a node left that ran `script` in its tree.
  v1::Worktree Node(const std::string& name, const std::string& script) {
    const LinkedTreeInfo tree = repo_.Tree(name);
    repo_.Sh("cd trees/" + name + " && " + script);
    v1::Worktree taken = repo_.Take(tree);
    EXPECT_TRUE(RemoveTree(tree).ok());
    return taken;
  }
  v1::RepositoryReply Do(v1::RepositoryCommand::Kind kind, std::vector<v1::Worktree> worktrees,
                         bool allow_dirty = false) {
    v1::RepositoryCommand command;
    command.set_kind(kind);
    command.set_repository(repo_.top());
    command.set_run_id("run1");
    command.set_allow_dirty(allow_dirty);
    for (size_t i = 0; i < worktrees.size(); ++i) {
      *command.add_worktrees() = worktrees[i];
      command.add_nodes(i + 1);
    }
    return Carry(command);
  }
  // Files with contents, HEAD and what git says of the work tree.
  std::string State() {
    return repo_.Sh("cd main && git rev-parse HEAD && git status --porcelain && "
                    "find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum");
  }

  TestRepository repo_;
};

TEST_F(ApplyTest, ApplyWritesFilesAndCommitsNothing) {
  const v1::Worktree one = Node("t1", "echo x >> a.txt && rm c.txt && echo n > new.txt && "
                                      "printf '\\000\\377' > bin && chmod +x sub/b.txt");
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::APPLY, {one});
  EXPECT_TRUE(reply.ok()) << reply.DebugString();
  EXPECT_EQ(repo_.Git("status --porcelain"), " M a.txt\n D c.txt\n M sub/b.txt\n?? bin\n?? new.txt");
  EXPECT_EQ(TestRepository::Read(repo_.top() + "/bin"), std::string("\0\377", 2));
}

// The node's history does not go through its base any more: git's own merge base would be an older
// commit, with the base's changes on both sides.
TEST_F(ApplyTest, MergeTakesANodesChangeThoughItAmendedItsBase) {
  repo_.Sh("cd main && echo base > n.txt && git add . && git commit -qm second");
  const v1::Worktree one = Node("t1", "echo more >> n.txt && git commit -qa --amend -m amended");
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::MERGE, {one});
  EXPECT_TRUE(reply.ok()) << reply.DebugString();
  EXPECT_EQ(TestRepository::Read(repo_.top() + "/n.txt"), "base\nmore\n");
}

TEST_F(ApplyTest, MergeUndoesWhatTheNodeUndid) {
  repo_.Sh("cd main && echo second > a.txt && git commit -qam second");
  const v1::Worktree one = Node("t1", "git reset -q --hard HEAD~1 && echo k > k.txt");
  const v1::Worktree two = Node("t2", "git checkout -q --orphan o && git rm -rqf . && echo o > o.txt");
  EXPECT_TRUE(Do(v1::RepositoryCommand::MERGE, {one}).ok());
  EXPECT_EQ(TestRepository::Read(repo_.top() + "/a.txt"), "one\n");
  EXPECT_TRUE(Do(v1::RepositoryCommand::MERGE, {one}).ok()) << "again";
  const v1::RepositoryReply conflict = Do(v1::RepositoryCommand::MERGE, {two});
  ASSERT_EQ(conflict.conflicts_size(), 1) << conflict.DebugString();
  EXPECT_EQ(conflict.conflicts(0).path(), "a.txt");
}

// As a process leaves it that was killed while it wrote: some files new, one torn, one gone.
TEST_F(ApplyTest, AHalfDoneMergeIsTakenBackAndDoneByTheNextOne) {
  const v1::Worktree one =
      Node("t1", "echo more >> a.txt && rm c.txt && echo long-content > n.txt && echo m > m.txt");
  const std::string tree = "$(git rev-parse HEAD^{tree}) $(git rev-parse " + one.result_commit() +
                           "^{tree}) > .git/odw-half-done";
  const std::string half = " && git show " + one.result_commit() + ":a.txt > a.txt && rm c.txt && "
                           "printf long > n.txt";
  repo_.Sh("cd main && echo with-index " + tree + half);
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::MERGE, {one});
  EXPECT_TRUE(reply.ok()) << reply.DebugString();
  EXPECT_EQ(repo_.Git("status --porcelain"), "");
  EXPECT_EQ(TestRepository::Read(repo_.top() + "/n.txt"), "long-content\n");
  EXPECT_FALSE(std::filesystem::exists(repo_.top() + "/.git/odw-half-done"));
}

TEST_F(ApplyTest, WhatSomebodyEditedAfterAHalfDoneMergeStays) {
  const v1::Worktree one = Node("t1", "echo more >> a.txt && echo m > m.txt");
  repo_.Sh("cd main && echo with-index $(git rev-parse HEAD^{tree}) $(git rev-parse " +
           one.result_commit() + "^{tree}) > .git/odw-half-done && echo m > m.txt && echo own > a.txt");
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::MERGE, {one});
  EXPECT_FALSE(reply.ok());
  EXPECT_EQ(TestRepository::Read(repo_.top() + "/a.txt"), "own\n");
  EXPECT_EQ(repo_.Git("status --porcelain"), " M a.txt");
}

TEST_F(ApplyTest, ApplyOfSeveralNodesIsAllOrNothing) {
  const v1::Worktree one = Node("t1", "echo one >> a.txt");
  const v1::Worktree two = Node("t2", "echo two >> a.txt && echo fine > fine.txt");
  const std::string before = State();
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::APPLY, {one, two});
  EXPECT_FALSE(reply.ok());
  ASSERT_EQ(reply.conflicts_size(), 1) << reply.DebugString();
  EXPECT_EQ(reply.conflicts(0).path(), "a.txt");
  EXPECT_EQ(reply.conflicts(0).node(), 2u);
  EXPECT_EQ(State(), before);
}

TEST_F(ApplyTest, ApplyOverLocalEditsIsRefusedOrMergedIntoThem) {
  repo_.Sh("cd main && seq 1 20 > a.txt && git commit -qam lines");
  const v1::Worktree one = Node("t1", "sed -i 's/^18$/node/' a.txt");
  repo_.Sh("cd main && sed -i 's/^2$/mine/' a.txt");
  const std::string before = State();
  const v1::RepositoryReply refused = Do(v1::RepositoryCommand::APPLY, {one});
  ASSERT_EQ(refused.conflicts_size(), 1);
  EXPECT_NE(refused.conflicts(0).what().find("uncommitted edits"), std::string::npos);
  EXPECT_EQ(State(), before);
  EXPECT_TRUE(Do(v1::RepositoryCommand::APPLY, {one}, true).ok());
  const std::string text = TestRepository::Read(repo_.top() + "/a.txt");
  EXPECT_NE(text.find("mine"), std::string::npos);
  EXPECT_NE(text.find("node"), std::string::npos);
}

TEST_F(ApplyTest, ApplyNeverOverwritesAnIgnoredFile) {
  const LinkedTreeInfo tree = repo_.Tree("t1");
  TestRepository::Write(tree.path + "/build/out", "from the node");
  const v1::Worktree one = repo_.Take(tree, {"build/out"});
  TestRepository::Write(repo_.top() + "/build/out", "mine");
  EXPECT_FALSE(Do(v1::RepositoryCommand::APPLY, {one}).ok());
  EXPECT_EQ(TestRepository::Read(repo_.top() + "/build/out"), "mine");
}

TEST_F(ApplyTest, MergeKeepsTheNodesOwnCommitsInHistory) {
  const v1::Worktree one = Node("t1", "echo own > own.txt && git add . && git commit -qm own");
  const v1::Worktree two = Node("t2", "echo rest > rest.txt");
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::MERGE, {one, two});
  EXPECT_TRUE(reply.ok()) << reply.DebugString();
  EXPECT_EQ(repo_.Git("rev-parse HEAD"), reply.commit());
  EXPECT_EQ(repo_.Git("symbolic-ref HEAD"), "refs/heads/main");
  EXPECT_EQ(repo_.Git("status --porcelain"), "");
  EXPECT_NE(repo_.Git("log --format=%s").find("own"), std::string::npos);
  EXPECT_EQ(TestRepository::Read(repo_.top() + "/rest.txt"), "rest\n");
}

TEST_F(ApplyTest, MergeASecondTimeChangesNothing) {
  const v1::Worktree one = Node("t1", "echo own > own.txt");
  EXPECT_TRUE(Do(v1::RepositoryCommand::MERGE, {one}).ok());
  const std::string before = State();
  const v1::RepositoryReply again = Do(v1::RepositoryCommand::MERGE, {one});
  EXPECT_TRUE(again.ok());
  EXPECT_EQ(again.commit(), "");  // the branch was not moved
  EXPECT_EQ(State(), before);
}

TEST_F(ApplyTest, MergeThatConflictsTouchesNothing) {
  const v1::Worktree one = Node("t1", "echo fine > fine.txt");
  const v1::Worktree two = Node("t2", "rm a.txt");
  repo_.Sh("cd main && echo changed > a.txt && git commit -qam changed");
  const std::string before = State();
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::MERGE, {one, two});
  EXPECT_FALSE(reply.ok());
  ASSERT_EQ(reply.conflicts_size(), 1);
  EXPECT_EQ(reply.conflicts(0).what(), "changed here, deleted by the node");
  EXPECT_EQ(State(), before);
}

TEST_F(ApplyTest, MergeIntoADirtyFileOrDuringARebaseIsRefused) {
  const v1::Worktree one = Node("t1", "echo x > a.txt");
  repo_.Sh("echo mine > main/a.txt");
  EXPECT_FALSE(Do(v1::RepositoryCommand::MERGE, {one}).ok());
  EXPECT_EQ(TestRepository::Read(repo_.top() + "/a.txt"), "mine\n");
  repo_.Sh("cd main && git checkout -q a.txt && git checkout -qb side && echo s > c.txt && "
           "git commit -qam s && git checkout -q main && echo m > c.txt && git commit -qam m && "
           "(git rebase side || true)");
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::MERGE, {one});
  EXPECT_NE(reply.error().message().find("rebase"), std::string::npos) << reply.DebugString();
}

TEST_F(ApplyTest, UnrelatedLocalEditsStayAsTheyAre) {
  const v1::Worktree one = Node("t1", "echo x > a.txt");
  repo_.Sh("cd main && echo mine > sub/b.txt && echo new > mine.txt");
  EXPECT_TRUE(Do(v1::RepositoryCommand::MERGE, {one}).ok());
  EXPECT_EQ(repo_.Git("status --porcelain"), " M sub/b.txt\n?? mine.txt");
}

TEST_F(ApplyTest, MergesAtTheSameTimeAllCount) {
  std::vector<v1::Worktree> nodes;
  for (int i = 0; i < 8; ++i) {
    const std::string name = "t" + std::to_string(i);
    nodes.push_back(Node(name, "echo " + name + " > " + name + ".txt"));
  }
  std::vector<std::thread> threads;
  for (const v1::Worktree& node : nodes) {
    threads.emplace_back([this, node] {
      EXPECT_TRUE(Do(v1::RepositoryCommand::MERGE, {node}).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(repo_.Git("status --porcelain"), "");
  EXPECT_EQ(repo_.Git("ls-files 't*.txt' | wc -l"), "8");
}

TEST_F(ApplyTest, DiffOfTwoNodesIsOnePatch) {
  const v1::Worktree one = Node("t1", "echo x > a.txt");
  const v1::Worktree two = Node("t2", "echo y > y.txt");
  const v1::RepositoryReply reply = Do(v1::RepositoryCommand::DIFF, {one, two});
  EXPECT_TRUE(reply.ok());
  TestRepository::Write(repo_.root() + "/patch", reply.diff());
  repo_.Sh("cd main && git apply ../patch");
  EXPECT_EQ(repo_.Git("status --porcelain"), " M a.txt\n?? y.txt");
}

}  // namespace
}  // namespace odw::executors::worktree
