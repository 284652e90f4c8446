// The folders that a run's workflows and agent files come from, in look-up order. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace odw::registry {

struct UserFolders {
  // $CLAUDE_CONFIG_DIR, or ~/.claude; empty: no user.
  std::string config;
};
// From the environment of this process.
UserFolders UserFoldersFromEnvironment();

struct Place {
  std::string folder;
  std::string name;  // "project", "user", "plugin:NAME", "odw"
};

// `cwd`: absolute, with its links resolved; empty: only the user's. SPEC M1, M5.
std::vector<Place> WorkflowPlaces(const std::string& cwd, const UserFolders& user);
// Plugins that the user has, in order of their names.
std::vector<std::string> Plugins(const UserFolders& user);
std::string PluginFolder(const UserFolders& user, const std::string& plugin,
                         const std::string& what);
// SPEC D9.
std::vector<Place> AgentPlaces(const std::string& cwd, const UserFolders& user);

// A run's folder with its links resolved; empty when it is not there.
std::string ResolvedFolder(const std::string& cwd);
// The repository that `cwd` is in, or itself.
std::string ProjectRoot(const std::string& cwd);

// Names of files in `folder` that end with `ending`, sorted; at most `count_max`, and whether there
// were more. A folder that is missing has none.
struct FileNames {
  std::vector<std::string> names;
  bool more = false;
};
FileNames FilesIn(const std::string& folder, const std::string& ending, size_t count_max);

}  // namespace odw::registry
