// Opening the repository that a folder belongs to, with an outcome for each kind that cannot be
// worked with.
#pragma once

#include <string>

#include "daemon/base/fd.h"
#include "executors/worktree/git.h"

namespace odw::executors::worktree {

struct OpenRepository {
  Repository repository;
  std::string top;  // of its work tree, with a slash at its end
};

// Searches upwards from `folder`. FailedPrecondition with a next step: not a repository, bare, owned
// by somebody else, a partial clone.
absl::StatusOr<OpenRepository> OpenAt(const std::string& folder);

// One at a time in a repository, whatever the process, for as long as it lives: libgit2 takes another's
// half-made work tree for an error, and two merges at once would undo each other. Waits.
class RepositoryLock {
 public:
  explicit RepositoryLock(git_repository* repository);

 private:
  UniqueFd fd_;
};

// HEAD's commit. FailedPrecondition where there is none yet.
absl::StatusOr<Commit> HeadCommit(git_repository* repository);

// "in the middle of a rebase", ...; empty: nothing is under way.
std::string OperationUnderWay(git_repository* repository);

// Paths of the work tree that differ from HEAD, untracked ones included, at most `paths_max`;
// `total` counts all.
struct DirtyPaths {
  std::vector<std::string> paths;
  size_t total = 0;
};
absl::StatusOr<DirtyPaths> FindDirty(git_repository* repository, size_t paths_max);

// "a, b, c and 4 more".
std::string NameSome(const DirtyPaths& dirty);

}  // namespace odw::executors::worktree
