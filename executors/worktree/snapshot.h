// A work tree's files as git objects: everything that a node left, committed or not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "executors/worktree/git.h"

namespace odw::executors::worktree {

struct SnapshotOptions {
  // Paths (files or folders, relative to the top) that are taken though git ignores them.
  std::vector<std::string> keep_ignored;
};

struct Snapshot {
  git_oid tree{};
  // What could not be taken, for people: nested repositories, changed submodules. Not empty: the
  // folder still holds work that is nowhere else.
  std::vector<std::string> left_out;
  // Of `keep_ignored`: what names nothing of the work tree, and why.
  std::vector<std::string> refused;
};

// The files of the work tree as a tree object: tracked, untracked, deleted, modes, symlinks, binary
// and large ones. The repository's index is not written.
absl::StatusOr<Snapshot> TakeSnapshot(git_repository* repository, const SnapshotOptions& options);

// The index as a tree, where it holds staged content that neither `head` nor `files` has; nullopt
// otherwise, or where it has unresolved conflicts.
absl::StatusOr<std::optional<git_oid>> StagedTree(git_repository* repository, git_tree* head,
                                                  git_tree* files);

}  // namespace odw::executors::worktree
