// A folder's git repository, as far as submit needs it: where it is, and the commit that HEAD names.
// Reads a few small files of .git; never runs git, never writes. Thread-safe.
#pragma once

#include <string>

namespace odw::registry {

// The nearest folder from `folder` upward that has a .git (a folder, or a file as worktrees have it);
// empty: none. `folder` is absolute.
std::string FindRepositoryRoot(const std::string& folder);

// The commit of HEAD in hex; empty: no repository, no commit yet, or not understood.
std::string HeadCommit(const std::string& root);

}  // namespace odw::registry
