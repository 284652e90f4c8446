// Saved workflows as files of a project or of the user: written and removed without following a
// symbolic link, so that a link planted in a repository cannot redirect the write (SPEC M4). Usage
// and refusal failures name the folder and what to do. Thread-safe.
#pragma once

#include <string>

#include "daemon/base/status.h"

namespace odw::client {

enum class WorkflowPlace {
  kOdw,     // .odw/workflows of a project
  kClaude,  // .claude/workflows of a project
};
enum class Existing { kKeep, kReplace };

// `name` as a file name: "Review: the API" -> "review-the-api.js". Usage failure when nothing of it
// is left.
absl::StatusOr<std::string> WorkflowFileName(const std::string& name);

// Writes `source` to PLACE/file under `project`, making the folders. The path written.
// A file of other content is refused unless kReplace; the same content is no change.
absl::StatusOr<std::string> SaveWorkflow(const std::string& project, WorkflowPlace place,
                                         const std::string& file, const std::string& source,
                                         Existing existing);

// Removes a regular file that lies directly in a folder .odw/workflows or .claude/workflows.
absl::Status RemoveWorkflow(const std::string& path);

}  // namespace odw::client
