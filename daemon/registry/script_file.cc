#include "daemon/registry/script_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "daemon/base/fd.h"
#include "daemon/model/utf8.h"

namespace odw::registry {
namespace {

constexpr size_t kUtf8BytesMost = 4;

FileStamp MakeStamp(const struct stat& info) {
  const auto nanos = [](const timespec& time) {
    return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
  };
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = info.st_size,
          .changed_ns = nanos(info.st_ctim),
          .modified_ns = nanos(info.st_mtim)};
}

absl::Status CannotRead(const std::string& path) {
  const std::string why = strerror(errno);
  const std::string message = "cannot read " + path + ": " + why;
  if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(message);
  return absl::InvalidArgumentError(message);
}

std::string At(const std::string& path, const std::string& text, size_t byte) {
  const model::TextPlace place = model::PlaceOf(text, byte);
  return path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

absl::Status TooLarge(const std::string& path, uint32_t chars_max) {
  return absl::InvalidArgumentError(path + " is longer than a script may be (" +
                                    std::to_string(chars_max) +
                                    " characters, limits.script_chars_max)");
}

absl::Status CheckText(const std::string& path, const std::string& text, uint32_t chars_max) {
  const model::Utf8Scan scan = model::ScanUtf8(text);
  if (!scan.ok) {
    return absl::InvalidArgumentError(At(path, text, scan.bad_byte) +
                                      ": not UTF-8; save the file as UTF-8");
  }
  if (const size_t zero = text.find('\0'); zero != std::string::npos) {
    return absl::InvalidArgumentError(At(path, text, zero) +
                                      ": a zero byte; this is no script");
  }
  return scan.chars > chars_max ? TooLarge(path, chars_max) : absl::OkStatus();
}

bool IsBelow(const std::string& path, const std::string& root) {
  if (root.empty()) return false;
  if (root == "/") return true;
  return path.size() > root.size() && path.compare(0, root.size(), root) == 0 &&
         path[root.size()] == '/';
}

}  // namespace

absl::StatusOr<FileStamp> StampOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return CannotRead(path);
  return MakeStamp(info);
}

absl::StatusOr<ScriptFile> ReadScript(const std::string& path, uint32_t chars_max) {
  // Not blocking: a FIFO must not hold the registry up.
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return CannotRead(path);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return CannotRead(path);
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(path + " is a folder; name a script file");
  }
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(path + " is not a regular file");
  const size_t bytes_max = size_t{chars_max} * kUtf8BytesMost;
  if (info.st_size > static_cast<int64_t>(bytes_max)) return TooLarge(path, chars_max);
  ScriptFile script{.stamp = MakeStamp(info)};
  script.source.resize(static_cast<size_t>(info.st_size));
  size_t got = 0;
  while (got < script.source.size()) {
    const ssize_t n = read(file.get(), script.source.data() + got, script.source.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return CannotRead(path);
    if (n == 0) break;  // it was cut meanwhile
    got += static_cast<size_t>(n);
  }
  script.source.resize(got);
  ODW_RETURN_IF_ERROR(CheckText(path, script.source, chars_max));
  return script;
}

absl::StatusOr<std::string> ResolveScriptPath(const std::string& path, const std::string& cwd,
                                              const std::vector<std::string>& roots) {
  if (path.empty()) return absl::InvalidArgumentError("scriptPath is empty");
  if (path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("scriptPath holds a zero byte");
  }
  if (path.compare(0, 2, "\\\\") == 0 || path.compare(0, 2, "//") == 0) {
    return absl::PermissionDeniedError("scriptPath '" + path + "' names another machine");
  }
  if (path[0] != '/' && cwd.empty()) {
    return absl::InvalidArgumentError("scriptPath '" + path +
                                      "' is relative, and the run's folder is not on this host");
  }
  const std::string full = path[0] == '/' ? path : cwd + "/" + path;
  const std::unique_ptr<char, decltype(&free)> real(realpath(full.c_str(), nullptr), &free);
  if (real == nullptr) return CannotRead(full);
  for (const std::string& root : roots) {
    if (IsBelow(real.get(), root)) return std::string(real.get());
  }
  return absl::PermissionDeniedError(
      std::string(real.get()) + " is outside the project " + (roots.empty() ? "" : roots.front()) +
      "; move it there, or name its folder in workflow_folders of odwd's configuration");
}

}  // namespace odw::registry
