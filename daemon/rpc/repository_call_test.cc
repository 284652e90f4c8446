#include "daemon/rpc/repository_call.h"

#include <gtest/gtest.h>

namespace odw::rpc {
namespace {

class RunWorktreesTest : public testing::Test {
 protected:
  void Call(uint64_t node) {
    v1::Event event;
    event.mutable_called()->set_ordinal(node);
    event.mutable_called()->mutable_request()->set_isolation("worktree");
    trees_.Apply(event);
  }
  void End(uint64_t node, const v1::Worktree& worktree) {
    v1::Event event;
    event.mutable_attempt_ended()->set_node(node);
    event.mutable_attempt_ended()->set_attempt(1);
    *event.mutable_attempt_ended()->mutable_worktree() = worktree;
    trees_.Apply(event);
    v1::Event settled;
    settled.mutable_settled()->set_node(node);
    settled.mutable_settled()->set_attempt(1);
    trees_.Apply(settled);
  }
  absl::Status Ask(uint64_t node) {
    v1::RepositoryRequest request;
    request.set_run_id("wf_x");
    request.set_node(node);
    return trees_.Make(request).status();
  }
  static v1::Worktree Changed() {
    v1::Worktree worktree;
    worktree.set_repository("/repo");
    worktree.set_changed(true);
    return worktree;
  }
  static v1::Worktree Kept() {
    v1::Worktree worktree;
    worktree.set_repository("/repo");
    worktree.set_kept_path("/repo/.odw/t1");
    worktree.add_notes("its index is broken");
    return worktree;
  }

  RunWorktrees trees_;
};

TEST_F(RunWorktreesTest, ATreeThatCouldNotBeCapturedIsNamedWithItsFolder) {
  Call(1);
  End(1, Kept());
  const absl::Status status = Ask(0);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "the worktree of n1 could not be captured and is kept in /repo/.odw/t1 (its index is "
            "broken): look at it there");
}

TEST_F(RunWorktreesTest, TheOthersAreNotTakenWithoutIt) {
  Call(1);
  Call(2);
  End(1, Changed());
  End(2, Kept());
  EXPECT_EQ(Ask(0).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Ask(1).ok());
  EXPECT_EQ(Ask(2).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RunWorktreesTest, ALaterAttemptThatWasCapturedTakesItsPlace) {
  Call(1);
  End(1, Kept());
  End(1, Changed());
  EXPECT_TRUE(Ask(0).ok());
}

}  // namespace
}  // namespace odw::rpc
