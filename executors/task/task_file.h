// One supervised task on the disk: `tasks/TOKEN`, a file of up to three checksummed sections (what to run,
// who runs it, the result) and the lock that tells whether its supervisor lives. One file and no folder:
// a task costs one create and one unlink.
//
// The flock belongs to the open file: the executor that creates it takes the lock and hands the descriptor
// to the supervisor, so there is no moment at which a task is given away and looks dead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/status.h"
#include "executors/task/task.pb.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors {

struct TaskRecord {
  std::optional<TaskSpec> spec;
  std::optional<TaskOwner> owner;            // unset: nothing was ever started
  std::optional<odw::v1::Result> result;  // unset, or torn: none
};

class TaskFile {
 public:
  TaskFile() = default;
  // Makes `folder`/TOKEN with its spec, locked. AlreadyExists when there is one.
  static absl::StatusOr<TaskFile> Create(const std::string& folder, const TaskSpec& spec);
  // An existing one, not locked by us.
  static absl::StatusOr<TaskFile> Open(const std::string& path);
  // A descriptor that came from Create in another process.
  explicit TaskFile(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  void Close() { fd_.Reset(); }
  // True when nobody else held the lock; then we do.
  bool TryLock();

  // All whole sections, and where the next one goes.
  absl::StatusOr<TaskRecord> Load();
  // REQUIRES: Load or Create, and no other writer.
  absl::Status AppendOwner(const TaskOwner& owner);
  // May be tried again after a failure.
  absl::Status AppendResult(const odw::v1::Result& result);

 private:
  absl::Status Append(const std::string& payload);
  UniqueFd fd_;
  uint64_t end_ = 0;
};

}  // namespace odw::executors
