// diff, apply, merge and resume --rebase: what they say of nodes, files and commits, against a fake
// daemon.
#include "client/testing/served_odwctl.h"

namespace odw::client {
namespace {

using RepositoryVerbs = ServedOdwctl;

// Three nodes in worktrees, of which the second changed nothing and the third failed.
FakeRun WorktreeRun() {
  FakeRun fake = PlainRun(v1::COMPLETED, 0);
  for (const v1::NodeState state :
       {v1::NODE_DONE, v1::NODE_DONE, v1::NODE_FAILED, v1::NODE_DONE}) {
    v1::Node* node = fake.run.add_node();
    node->set_ordinal(static_cast<uint64_t>(fake.run.node_size()));
    node->set_state(state);
    node->mutable_worktree()->set_changed(node->ordinal() != 2);
  }
  fake.repository.set_ok(true);
  return fake;
}

TEST_F(RepositoryVerbs, ApplyReportsItsConflictsAndExitsWithSix) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  v1::RepositoryConflict* conflict = fake.repository.add_conflicts();
  conflict->set_path("src/a.cc");
  conflict->set_what("changed on both sides");
  conflict->set_node(3);
  Serve(fake);
  const OdwctlRun run = Run({"apply", kRunId});
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_EQ(run.out, "conflict  src/a.cc: changed on both sides (n3)\n");
  EXPECT_TRUE(Has(LastCall(), "kind: APPLY")) << LastCall();
}

TEST_F(RepositoryVerbs, DiffPrintsTheBytesAndMergeTheFiles) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.repository.set_ok(true);
  fake.repository.set_diff("--- a\n+++ b\n");
  fake.repository.add_files("a");
  fake.repository.set_commit("0123456789abcdef");
  Serve(fake);
  EXPECT_EQ(Run({"diff", kRunId, "n2"}).out, "--- a\n+++ b\n");
  EXPECT_TRUE(Has(LastCall(), "node: 2")) << LastCall();
  EXPECT_EQ(Run({"merge", kRunId, "n2"}).out,
            "merged n2 into the current branch, commit 0123456789ab: 1 file changed\n  a\n");
  EXPECT_TRUE(Has(LastCall(), "kind: MERGE")) << LastCall();
}

TEST_F(RepositoryVerbs, AMergeOfHistoryAloneNamesTheCommitAndTheNodes) {
  FakeRun fake = WorktreeRun();
  fake.repository.set_commit("0123456789abcdef");
  Serve(fake);
  EXPECT_EQ(Run({"merge", kRunId}).out,
            "merged 2 nodes (n1, n4) into the current branch, commit 0123456789ab: history alone, "
            "no file differs from before\n");
  EXPECT_EQ(Run({"merge", kRunId, "--json"}).out,
            "{\"ok\":true,\"nodes\":[\"n1\",\"n4\"],\"files\":[],\"conflicts\":[],"
            "\"commit\":\"0123456789abcdef\"}\n");
}

TEST_F(RepositoryVerbs, WhatWasTakenBeforeIsSaidSo) {
  Serve(WorktreeRun());
  EXPECT_EQ(Run({"merge", kRunId}).out,
            "nothing to merge: the current branch holds 2 nodes (n1, n4) already\n");
  EXPECT_EQ(Run({"apply", kRunId, "1"}).out,
            "nothing to apply: the work tree holds what n1 changed already\n");
  EXPECT_EQ(Run({"diff", kRunId, "n1"}).out,
            "no file differs: the commits of n1 change nothing in the end\n");
}

TEST_F(RepositoryVerbs, AFileThatTwoNodesChangedIsNamedOnce) {
  FakeRun fake = WorktreeRun();
  for (const char* file : {"b", "a", "b"}) fake.repository.add_files(file);
  Serve(fake);
  EXPECT_EQ(Run({"apply", kRunId}).out,
            "applied 2 nodes (n1, n4): 2 files changed in the work tree, uncommitted\n  a\n  b\n");
}

TEST_F(RepositoryVerbs, ANodeWithoutChangesLeadsToTheNodesAndAnUnknownRunToTheRuns) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.control_status = absl::NotFoundError("n1 of the run has no worktree");
  Serve(fake);
  const OdwctlRun none = Run({"diff", kRunId, "n1"});
  EXPECT_EQ(none.exit_code, 5);
  EXPECT_TRUE(Has(none.err, std::string("odwctl status ") + kRunId + " --nodes")) << none.err;
  const OdwctlRun unknown = Run({"merge", "wf_ffffffff-00000000"});
  EXPECT_EQ(unknown.exit_code, 5);
  EXPECT_TRUE(Has(unknown.err, "next: List the runs there are: odwctl list")) << unknown.err;
}

TEST_F(RepositoryVerbs, ARebaseFirstSaysWhatItCosts) {
  FakeRun fake = WorktreeRun();
  fake.run.mutable_node(0)->set_isolation("worktree");
  fake.run.mutable_node(0)->mutable_usage()->set_output_tokens(1200);
  fake.run.mutable_node(1)->set_runtime("codex");
  fake.run.mutable_node(2)->set_runtime("codex");  // it failed
  Serve(fake);
  const OdwctlRun run = Run({"resume", kRunId, "--rebase", "--detach"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(Has(run.err, std::string("--rebase: 2 of 4 nodes of ") + kRunId +
                               " rest on the files; where HEAD has moved they run again (1.2k tokens"))
      << run.err;
  EXPECT_FALSE(Has(Run({"resume", kRunId, "--detach"}).err, "--rebase"));
}

}  // namespace
}  // namespace odw::client
