#include "executors/worktree/apply.h"

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
  EXPECT_TRUE(Do(v1::RepositoryCommand::MERGE, {one}).ok());
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
