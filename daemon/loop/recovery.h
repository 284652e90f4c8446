// Start-up: folds the journal's open runs into the core.
#pragma once

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "daemon/core/engine.h"
#include "daemon/journal/journal.h"

namespace odw::loop {

struct Recovered {
  size_t runs = 0;
  size_t events = 0;
  absl::flat_hash_map<std::string, v1::Versions> versions;  // by run: what it was begun with
};

// A run that cannot be read is ended in the journal as FAILED with the damage named, and the rest
// recovers. A run that resumes another gets that one's results again. An error means that the journal as a whole cannot be used.
absl::StatusOr<Recovered> RecoverRuns(journal::Journal* journal, absl::Time now,
                                      core::Engine* engine);

// Charges the day with what runs that have ended used today. Looks at every summary, for a run of last month
// may have ended today.
absl::Status ChargeEndedRuns(journal::Journal* journal, absl::Time now, core::Engine* engine);

// The newest time that the journal knows, as far as its latest runs tell: a clock that starts later never
// goes back.
absl::StatusOr<absl::Time> NewestTime(journal::Journal* journal);

}  // namespace odw::loop
