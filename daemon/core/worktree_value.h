// What a script of the original's dialect sees of a node with a work tree of its own (SPEC O7). Pure.
#pragma once

#include <string>

#include "odw/v1/types.pb.h"

namespace odw::core {

enum class ValueForm { kText, kJson };

// {"text": value, "worktree": {changed, files, diff}} for text, a `worktree` member added to a JSON
// object, {"value": ..., "worktree": ...} for other JSON.
std::string WithWorktree(const std::string& value, ValueForm form, const v1::Worktree& worktree);

}  // namespace odw::core
