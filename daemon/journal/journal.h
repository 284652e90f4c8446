// The journal: the truth about every run. An interface, so that the simulator has one that loses
// its unsynced tail, and so that a replicated store can stand in one day. Implementations:
// RocksJournal (rocks_journal.h) and MemJournal (mem_journal.h).
//
// Threads: Append is called by one thread, the committer. Reads may be called by any thread at any
// time and see committed groups only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "odw/v1/journal.pb.h"

namespace odw::journal {

// Raised when an old daemon could misread what a new one writes.
inline constexpr uint32_t kSchemaVersion = 1;

struct EventWrite {
  std::string run_id;
  uint64_t seq = 0;   // from 1, without gaps, per run
  std::string bytes;  // a serialized v1::Event
};

struct BlobWrite {
  std::string run_id;
  std::string sha256;
  std::shared_ptr<const std::string> bytes;
};

// Written as one: all of it or, after a crash, nothing.
struct Group {
  std::vector<EventWrite> events;
  std::vector<BlobWrite> blobs;
  std::vector<v1::RunSummary> summaries;  // replace the run's earlier one

  bool empty() const { return events.empty() && blobs.empty() && summaries.empty(); }
};

struct ListOptions {
  std::string owner;                 // empty: all
  std::vector<v1::RunState> states;  // empty: all
  std::string before;                // run id: only runs submitted before it
  uint32_t limit = 50;
};

class Journal {
 public:
  virtual ~Journal() = default;

  // Durable (synced) when OK. After a failure nothing more is accepted: every later call returns
  // the first error, for what the disk holds is unknown until a restart reads it.
  virtual absl::Status Append(const Group& group) = 0;

  // NotFound for an unknown run; DataLoss for a record that cannot be read (that run's alone).
  virtual absl::StatusOr<v1::RunSummary> ReadSummary(const std::string& run_id) = 0;

  // Calls `visit` with events after + 1 and on, in order, until it returns false.
  virtual absl::Status ReadEvents(
      const std::string& run_id, uint64_t after,
      const std::function<bool(uint64_t seq, const v1::Event&)>& visit) = 0;

  virtual absl::StatusOr<std::string> ReadBlob(const std::string& run_id,
                                               const std::string& sha256) = 0;

  // Newest first.
  virtual absl::StatusOr<std::vector<v1::RunSummary>> List(const ListOptions& options) = 0;

  // Runs whose state is RUNNING or PAUSED, oldest first: what recovery folds.
  virtual absl::StatusOr<std::vector<v1::RunSummary>> OpenRuns() = 0;

  // The run that holds this owner's idempotency key, or NotFound.
  virtual absl::StatusOr<v1::RunSummary> FindByKey(const std::string& owner,
                                                   const std::string& key) = 0;

  // Removes a run and all that belongs to it.
  virtual absl::Status DeleteRun(const std::string& run_id) = 0;
};

}  // namespace odw::journal
