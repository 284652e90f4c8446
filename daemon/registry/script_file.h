// A script on disk: read safely, and only from where it may be (SPEC A7, P37). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/base/status.h"

namespace odw::registry {

// Tells one state of a file from another.
struct FileStamp {
  uint64_t device = 0, inode = 0;
  int64_t size = 0, changed_ns = 0, modified_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

struct ScriptFile {
  std::string source;
  FileStamp stamp;
};

// The stamp alone; NotFound when there is no such file.
absl::StatusOr<FileStamp> StampOf(const std::string& path);

// NotFound, or InvalidArgument for a folder, a device, a zero byte, bytes that are not UTF-8, more than
// `chars_max` characters; the message names the path, and the line and column where there is one.
absl::StatusOr<ScriptFile> ReadScript(const std::string& path, uint32_t chars_max);

// The file that `path` names, with its links resolved. Relative: against `cwd`. PermissionDenied unless
// it lies below one of `roots` (resolved); NotFound when it is not there.
absl::StatusOr<std::string> ResolveScriptPath(const std::string& path, const std::string& cwd,
                                              const std::vector<std::string>& roots);

}  // namespace odw::registry
