// Brings what nodes changed into the repository's own work tree (`odwctl apply`, uncommitted) or its
// history (`odwctl merge`). Everything is computed on git's objects first: a conflict, or a file that
// is dirty here, is reported and nothing is touched. Blocking; thread-safe: one at a time in a repository.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors::worktree {

// Carries out one RepositoryCommand; errors are in the reply too. Never throws away local edits:
// a dirty path that would be written is a conflict, unless allow_dirty (APPLY) merges into it.
v1::RepositoryReply Carry(const v1::RepositoryCommand& command);

}  // namespace odw::executors::worktree
