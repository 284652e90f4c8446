#include "daemon/registry/repository.h"

#include <sys/stat.h>

#include <sstream>

#include "daemon/base/fd.h"

namespace odw::registry {
namespace {

constexpr size_t kRefBytesMax = 4096;
constexpr size_t kPackedRefsBytesMax = 16u << 20;
constexpr int kParentsMax = 128;
constexpr int kSymbolicRefsMax = 5;
constexpr char kRefPrefix[] = "ref: ";
constexpr char kGitdirPrefix[] = "gitdir: ";

std::string FirstLine(const std::string& path, size_t bytes_max) {
  const absl::StatusOr<std::string> text = ReadFile(path, bytes_max);
  if (!text.ok()) return "";
  return text->substr(0, text->find_first_of("\r\n"));
}

bool IsCommit(const std::string& text) {
  if (text.size() != 40 && text.size() != 64) return false;
  return text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string Joined(const std::string& base, const std::string& path) {
  return !path.empty() && path[0] == '/' ? path : base + "/" + path;
}

// The folder that .git is, or points to.
std::string GitFolder(const std::string& root) {
  const std::string entry = root + "/.git";
  struct stat info;
  if (stat(entry.c_str(), &info) != 0) return "";
  if (S_ISDIR(info.st_mode)) return entry;
  const std::string line = FirstLine(entry, kRefBytesMax);
  if (line.rfind(kGitdirPrefix, 0) != 0) return "";
  return Joined(root, line.substr(sizeof kGitdirPrefix - 1));
}

std::string PackedCommit(const std::string& common, const std::string& ref) {
  const absl::StatusOr<std::string> text = ReadFile(common + "/packed-refs", kPackedRefsBytesMax);
  if (!text.ok()) return "";
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.find(' ');
    if (space != std::string::npos && line.compare(space + 1, std::string::npos, ref) == 0) {
      return line.substr(0, space);
    }
  }
  return "";
}

}  // namespace

std::string FindRepositoryRoot(const std::string& folder) {
  std::string at = folder;
  for (int i = 0; i < kParentsMax && !at.empty(); ++i) {
    struct stat info;
    if (stat((at + "/.git").c_str(), &info) == 0) return at;
    at.resize(at.rfind('/') == std::string::npos ? 0 : at.rfind('/'));
  }
  return "";
}

std::string HeadCommit(const std::string& root) {
  const std::string git = GitFolder(root);
  if (git.empty()) return "";
  // A worktree of git's own keeps HEAD in its folder and branches in the common one.
  const std::string common_name = FirstLine(git + "/commondir", kRefBytesMax);
  const std::string common = common_name.empty() ? git : Joined(git, common_name);
  std::string value = FirstLine(git + "/HEAD", kRefBytesMax);
  for (int i = 0; i < kSymbolicRefsMax && value.rfind(kRefPrefix, 0) == 0; ++i) {
    const std::string ref = value.substr(sizeof kRefPrefix - 1);
    if (ref.find("..") != std::string::npos) return "";
    value = FirstLine(common + "/" + ref, kRefBytesMax);
    if (value.empty()) value = PackedCommit(common, ref);
  }
  return IsCommit(value) ? value : "";
}

}  // namespace odw::registry
