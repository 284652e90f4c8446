#include "client/workflows/workflow_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>

#include "client/failure.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

constexpr size_t kFileNameCharsMax = 100;
constexpr size_t kSourceBytesMax = 4 << 20;
constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0644;

absl::Status Refused(const std::string& what, const std::string& next_step) {
  return FailureStatus({ExitCode::kRefused, "refused", what, next_step});
}

absl::Status LinkRefused(const std::string& path) {
  return Refused(path + " is a symbolic link or no folder: nothing is written through it",
                 "Make it a plain folder, or save by hand where it points.");
}

// `name` inside `parent`, which may be made. Never through a link.
absl::StatusOr<UniqueFd> OpenFolder(int parent, const std::string& name, const std::string& path) {
  UniqueFd fd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.valid()) return fd;
  if (errno == ENOENT) {
    if (mkdirat(parent, name.c_str(), kFolderMode) != 0 && errno != EEXIST) {
      return Refused("the folder cannot be made: " + MessageOf(ErrnoStatus(path)),
                     "Save into a project that you may write to: --cwd DIR.");
    }
    fd = UniqueFd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd.valid()) return fd;
  }
  if (errno == ELOOP || errno == ENOTDIR) return LinkRefused(path);
  return Refused("the folder cannot be opened: " + MessageOf(ErrnoStatus(path)),
                 "Save into a project that you may write to: --cwd DIR.");
}

// What stands in the file now; empty where there is none.
absl::StatusOr<std::string> ReadExisting(int folder, const std::string& file,
                                         const std::string& path) {
  UniqueFd fd(openat(folder, file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() && errno == ENOENT) return std::string();
  struct stat status = {};
  if (!fd.valid() || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Refused(path + " is there and is no plain file: it is left alone",
                   "Move it away, or save under another name.");
  }
  return ReadFile("/proc/self/fd/" + std::to_string(fd.get()), kSourceBytesMax);
}

absl::Status WriteFile(int folder, const std::string& file, const std::string& path,
                       const std::string& source) {
  const std::string partial = "." + file + ".part-" + std::to_string(getpid());
  UniqueFd fd(openat(folder, partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     kFileMode));
  absl::Status status =
      fd.valid() ? WriteAll(fd.get(), source.data(), source.size()) : ErrnoStatus("making it");
  // A rename replaces a link itself, never what it points at.
  if (status.ok() && renameat(folder, partial.c_str(), folder, file.c_str()) != 0) {
    status = ErrnoStatus("renaming it");
  }
  if (status.ok()) return status;
  unlinkat(folder, partial.c_str(), 0);
  return Refused(path + " cannot be written: " + MessageOf(status), "Make room, or --cwd DIR.");
}

}  // namespace

absl::StatusOr<std::string> WorkflowFileName(const std::string& name) {
  std::string file;
  for (const char c : name.substr(0, kFileNameCharsMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (isalnum(byte) != 0 || c == '_' || c == '.') {
      file += static_cast<char>(tolower(byte));
    } else if (!file.empty() && file.back() != '-') {
      file += '-';
    }
  }
  while (!file.empty() && (file.back() == '-' || file.back() == '.')) file.pop_back();
  while (!file.empty() && file.front() == '.') file.erase(0, 1);
  if (file.empty()) {
    return UsageError("the workflow's name '" + name + "' gives no file name",
                      "Give meta.name at least one letter or digit.");
  }
  return file + ".js";
}

absl::StatusOr<std::string> SaveWorkflow(const std::string& project, WorkflowPlace place,
                                         const std::string& file, const std::string& source,
                                         Existing existing) {
  const std::string top = place == WorkflowPlace::kClaude ? ".claude" : ".odw";
  UniqueFd base(open(project.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!base.valid()) {
    return UsageError("the project folder cannot be used: " + MessageOf(ErrnoStatus(project)),
                      "Give a folder that exists: --cwd DIR.");
  }
  const std::string outer = project + "/" + top;
  ODW_ASSIGN_OR_RETURN(const UniqueFd parent, OpenFolder(base.get(), top, outer));
  const std::string inner = outer + "/workflows";
  ODW_ASSIGN_OR_RETURN(const UniqueFd folder, OpenFolder(parent.get(), "workflows", inner));
  const std::string path = inner + "/" + file;
  ODW_ASSIGN_OR_RETURN(const std::string before, ReadExisting(folder.get(), file, path));
  if (before == source) return path;
  if (!before.empty() && existing == Existing::kKeep) {
    return Refused(path + " holds another workflow",
                   "Replace it with --force, or rename this one "
                   "(meta.name).");
  }
  ODW_RETURN_IF_ERROR(WriteFile(folder.get(), file, path, source));
  return path;
}

absl::Status RemoveWorkflow(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder_path = path.substr(0, slash == std::string::npos ? 0 : slash);
  const bool ours =
      folder_path.ends_with("/.odw/workflows") || folder_path.ends_with("/.claude/workflows");
  if (!ours) {
    return Refused(path + " lies in no folder of saved workflows: it is left alone",
                   "Remove it by hand if you mean to.");
  }
  UniqueFd folder(open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return LinkRefused(folder_path);
  const std::string file = path.substr(slash + 1);
  struct stat status = {};
  if (fstatat(folder.get(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(status.st_mode)) {
    return Refused(path + " is no plain file: it is left alone", "Remove it by hand.");
  }
  if (unlinkat(folder.get(), file.c_str(), 0) != 0) {
    return Refused(path + " cannot be removed: " + MessageOf(ErrnoStatus("removing it")),
                   "See who owns it.");
  }
  return absl::OkStatus();
}

}  // namespace odw::client
