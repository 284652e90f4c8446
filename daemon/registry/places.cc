#include "daemon/registry/places.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "daemon/registry/repository.h"

namespace odw::registry {
namespace {

constexpr size_t kPluginsMax = 256;
// Entries of a folder that are looked at, whatever their names.
constexpr size_t kEntriesMax = 100000;

// cwd and its parents up to the project's root.
std::vector<std::string> Upward(const std::string& cwd) {
  std::vector<std::string> folders;
  if (cwd.empty()) return folders;
  const std::string root = ProjectRoot(cwd);
  for (std::string at = cwd;; at.resize(at.rfind('/'))) {
    folders.push_back(at);
    if (at.size() <= root.size() || at.rfind('/') == std::string::npos) break;
  }
  return folders;
}

void AddPlace(const std::string& folder, const char* name, std::vector<Place>* places) {
  const bool known = std::any_of(places->begin(), places->end(),
                                 [&](const Place& place) { return place.folder == folder; });
  if (!known) places->push_back({.folder = folder, .name = name});
}

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

std::vector<std::string> EntriesOf(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> open(opendir(folder.c_str()));
  if (open == nullptr) return names;
  while (const dirent* entry = readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    if (names.size() >= kEntriesMax) break;
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

UserFolders UserFoldersFromEnvironment() {
  const char* config = getenv("CLAUDE_CONFIG_DIR");
  if (config != nullptr && config[0] == '/') return {.config = config};
  const char* home = getenv("HOME");
  if (home != nullptr && home[0] == '/') return {.config = std::string(home) + "/.claude"};
  return {};
}

std::string ResolvedFolder(const std::string& cwd) {
  if (cwd.empty() || cwd[0] != '/') return "";
  const std::unique_ptr<char, decltype(&free)> real(realpath(cwd.c_str(), nullptr), &free);
  struct stat info;
  if (real == nullptr || stat(real.get(), &info) != 0 || !S_ISDIR(info.st_mode)) return "";
  return real.get();
}

std::string ProjectRoot(const std::string& cwd) {
  const std::string root = FindRepositoryRoot(cwd);
  return root.empty() ? cwd : root;
}

std::vector<Place> WorkflowPlaces(const std::string& cwd, const UserFolders& user) {
  std::vector<Place> places;
  const std::vector<std::string> folders = Upward(cwd);
  for (const std::string& folder : folders) {
    AddPlace(folder + "/.claude/workflows", "project", &places);
  }
  for (const std::string& folder : folders) AddPlace(folder + "/.odw/workflows", "odw", &places);
  if (!user.config.empty()) AddPlace(user.config + "/workflows", "user", &places);
  return places;
}

std::vector<std::string> Plugins(const UserFolders& user) {
  if (user.config.empty()) return {};
  std::vector<std::string> names = EntriesOf(user.config + "/plugins");
  if (names.size() > kPluginsMax) names.resize(kPluginsMax);
  return names;
}

std::string PluginFolder(const UserFolders& user, const std::string& plugin,
                         const std::string& what) {
  return user.config + "/plugins/" + plugin + "/" + what;
}

std::vector<Place> AgentPlaces(const std::string& cwd, const UserFolders& user) {
  std::vector<Place> places;
  for (const std::string& folder : Upward(cwd)) {
    AddPlace(folder + "/.claude/agents", "project", &places);
  }
  if (!user.config.empty()) AddPlace(user.config + "/agents", "user", &places);
  return places;
}

FileNames FilesIn(const std::string& folder, const std::string& ending, size_t count_max) {
  FileNames files;
  for (std::string& name : EntriesOf(folder)) {
    if (name.size() <= ending.size() || name[0] == '.') continue;
    if (name.compare(name.size() - ending.size(), ending.size(), ending) != 0) continue;
    struct stat info;
    if (stat((folder + "/" + name).c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (files.names.size() >= count_max) {
      files.more = true;
      break;
    }
    files.names.push_back(std::move(name));
  }
  return files;
}

}  // namespace odw::registry
