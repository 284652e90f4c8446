// Start-up: folds the journal's open runs into the core.
#pragma once

#include "daemon/core/engine.h"
#include "daemon/journal/journal.h"

namespace odw::loop {

struct Recovered {
  size_t runs = 0;
  size_t events = 0;
};

// A run that cannot be read is ended in the journal as FAILED with the damage named, and the rest
// recovers. An error means that the journal as a whole cannot be used.
absl::StatusOr<Recovered> RecoverRuns(journal::Journal* journal, core::Engine* engine);

}  // namespace odw::loop
