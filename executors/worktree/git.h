// libgit2's objects as owners, and its errors as absl::Status. The only folder that includes git2.h.
// Thread-safe as long as each thread opens its own Repository.
#pragma once

#include <git2.h>

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/status.h"

namespace odw::executors::worktree {

// Frees a libgit2 object by its own function.
template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using Repository = std::unique_ptr<git_repository, Freed<git_repository_free>>;
using Reference = std::unique_ptr<git_reference, Freed<git_reference_free>>;
using Commit = std::unique_ptr<git_commit, Freed<git_commit_free>>;
using Tree = std::unique_ptr<git_tree, Freed<git_tree_free>>;
using Index = std::unique_ptr<git_index, Freed<git_index_free>>;
using Diff = std::unique_ptr<git_diff, Freed<git_diff_free>>;
using Signature = std::unique_ptr<git_signature, Freed<git_signature_free>>;
using StatusList = std::unique_ptr<git_status_list, Freed<git_status_list_free>>;
using Conflicts =
    std::unique_ptr<git_index_conflict_iterator, Freed<git_index_conflict_iterator_free>>;
using LinkedTree = std::unique_ptr<git_worktree, Freed<git_worktree_free>>;

// libgit2 is set up once a process and never shut down; call before any other function.
void InitGit();

// The error of the last call on this thread: "WHAT: libgit2's message". NotFound, AlreadyExists and
// ResourceExhausted where libgit2 says so, else Internal.
absl::Status GitError(int code, const std::string& what);

// Calls `function(&raw, args...)` and owns what it made.
template <typename Owner, typename Function, typename... Args>
absl::StatusOr<Owner> Make(const std::string& what, Function function, Args... args) {
  typename Owner::pointer raw = nullptr;
  const int code = function(&raw, args...);
  if (code < 0) return GitError(code, what);
  return Owner(raw);
}

std::string HexOf(const git_oid& id);
absl::StatusOr<git_oid> OidFromHex(const std::string& hex);

absl::StatusOr<Commit> FindCommit(git_repository* repository, const git_oid& id);
absl::StatusOr<Tree> TreeOf(const git_commit* commit);

// The repository's own user, or "odw <odw@localhost>" where it names none.
absl::StatusOr<Signature> Author(git_repository* repository);

// Writes a commit that no reference points at yet.
absl::StatusOr<git_oid> WriteCommit(git_repository* repository, const git_oid& tree,
                                    const std::vector<git_oid>& parents,
                                    const std::string& message);

}  // namespace odw::executors::worktree
