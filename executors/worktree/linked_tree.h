// A node's own work tree: made from a base commit, captured whole, removed only after that
// (DESIGN, worktrees; SPEC D11). Blocking calls: run them on a thread of their own. Thread-safe for
// different trees, also of one repository.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "odw/v1/types.pb.h"

namespace odw::executors::worktree {

struct TreeRequest {
  std::string folder;       // where the node would have worked: names the repository
  std::string base_commit;  // hex; empty: HEAD
  // Refs of what earlier attempts left, the latest first: the first that exists is what the tree holds
  // at first. Empty: the base.
  std::vector<std::string> start_refs;
  std::string path;         // where the tree is made; must not exist
  std::string name;         // unique in the repository: the attempt's token
  enum class Dirty { kLeave, kInclude };
  Dirty dirty = Dirty::kLeave;  // uncommitted edits of the repository's own work tree
};

struct LinkedTreeInfo {
  std::string repository;   // top folder of the repository's own work tree
  std::string path;         // of the new tree
  std::string cwd;          // in it: the folder that corresponds to TreeRequest.folder
  std::string base_commit;  // hex; with Dirty::kInclude a commit that carries those edits
  std::string name;
  std::vector<std::string> notes;  // dirty edits that were left behind, submodules
};

// FailedPrecondition, with a next step, where no tree can be made: not a repository, bare, no
// commit yet, a partial clone, another owner. Leaves nothing behind on failure.
absl::StatusOr<LinkedTreeInfo> MakeTree(const TreeRequest& request);

struct CaptureRequest {
  LinkedTreeInfo tree;
  std::string ref;          // refs/odw/<run>/<node>/<attempt>
  std::string result_ref;   // refs/odw/<run>/<node>/result; empty: not moved
  std::string message;      // of the commit for what was not committed
  std::vector<std::string> keep_ignored;
  size_t diff_bytes_max = 1 << 20;
};

// Commits everything that is in the tree and not in a commit, points the refs at it, and describes
// the change. Afterwards all of it can be had from the ref. Worktree.kept_path is set where some of
// it could not be taken: such a tree must not be removed. May be repeated.
absl::StatusOr<v1::Worktree> Capture(const CaptureRequest& request);

// Removes folder and registration. REQUIRES: Capture succeeded and left kept_path empty.
absl::Status RemoveTree(const LinkedTreeInfo& tree);

// HEAD of the repository that holds `folder`, hex. FailedPrecondition as MakeTree.
absl::StatusOr<std::string> HeadOf(const std::string& folder);

}  // namespace odw::executors::worktree
