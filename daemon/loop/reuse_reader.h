// Reads an ended run's results into what a run that resumes it may be answered with (SPEC K). Any thread.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "daemon/core/reuse_table.h"
#include "daemon/journal/journal.h"

namespace odw::loop {

// Folds the events of one run, in order.
class ReuseReader {
 public:
  explicit ReuseReader(std::string run_id) { table_.run_id = std::move(run_id); }
  void Apply(const v1::Event& event);
  core::ReuseTable Take();

 private:
  struct Call {
    std::string key;
    bool live = true;     // not settled: an answer that is there may still be taken
    bool success = false;
    uint32_t attempt = 0; // whose answer `result` is
    core::Reusable result;
  };
  void OnAttemptEnded(const v1::AttemptEnded& ended);
  void OnSettled(const v1::Settled& settled);
  Call* Find(uint64_t node);

  core::ReuseTable table_;
  std::vector<Call> calls_;
  absl::flat_hash_map<uint64_t, size_t> index_of_;
};

// The successes of a run: those that its script was given, those that were answered from an earlier run
// in their turn, and those that were journaled and held when it ended. NotFound, DataLoss.
absl::StatusOr<std::shared_ptr<const core::ReuseTable>> ReadReuseTable(journal::Journal* journal,
                                                                       const std::string& run_id);

}  // namespace odw::loop
