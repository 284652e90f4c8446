// Changes a person's own files from one tree to another: all of them or none, also when this process
// dies in the middle. What is under way is noted in the repository first; the next command undoes
// what it finds half done. Blocking. REQUIRES: RepositoryLock, for all of them.
#pragma once

#include <string>
#include <vector>

#include "executors/worktree/git.h"

namespace odw::executors::worktree {

enum class WithIndex { kLeave, kUpdate };

// From the state `from` to the state `to`, in the files that differ. Refuses, before it writes
// anything, where the work tree is not as `from` says. The note stays until SwitchIsDone.
absl::Status SwitchFiles(git_repository* repository, git_tree* from, git_tree* to,
                         const std::vector<std::string>& files, WithIndex with_index);

// The files are as they are to be, and so is HEAD.
void SwitchIsDone(git_repository* repository);

// Takes back what a process that died had written. Files that somebody has edited since stay as
// they are. Nothing to do: OK.
absl::Status UndoHalfSwitch(git_repository* repository);

}  // namespace odw::executors::worktree
