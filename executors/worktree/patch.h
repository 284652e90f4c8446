// The difference of two commits' trees: file names, and a patch that `git apply` takes, binary files
// included.
#pragma once

#include <string>
#include <vector>

#include "executors/worktree/git.h"

namespace odw::executors::worktree {

struct Change {
  std::vector<std::string> files;  // sorted; both names of a rename
  std::string patch;
  bool cut = false;                // the patch is longer than asked for: it is empty then
};

absl::StatusOr<Change> DescribeChange(git_repository* repository, git_tree* from, git_tree* to,
                                      size_t patch_bytes_max);

// The names alone.
absl::StatusOr<std::vector<std::string>> ChangedFiles(git_repository* repository, git_tree* from,
                                                      git_tree* to);

}  // namespace odw::executors::worktree
