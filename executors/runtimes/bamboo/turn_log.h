// A task's conversation on the disk: each message is written before it is acted on, so that a
// killed executor goes on from the turn that it had reached. One append an entry, no fsync: it
// guards against a process's death. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/status.h"
#include "executors/runtimes/bamboo/turn.pb.h"

namespace odw::executors {

class TurnLog {
 public:
  TurnLog() = default;
  // Replaces what is at `path`.
  static absl::StatusOr<TurnLog> Create(const std::string& path);
  // An existing one: its whole entries, a torn last one cut off; then ready for more.
  static absl::StatusOr<TurnLog> Open(const std::string& path, std::vector<TurnRecord>* records);

  absl::Status Append(const TurnRecord& record);

 private:
  UniqueFd fd_;
};

}  // namespace odw::executors
