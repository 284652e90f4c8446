// The committed view of one run, folded from the journal. Any thread.
#pragma once

#include "daemon/journal/journal.h"
#include "odw/v1/control.pb.h"

namespace odw::loop {

// With nodes. NotFound for an unknown run; DataLoss names a damaged record.
absl::StatusOr<v1::Run> ReadRun(journal::Journal* journal, const std::string& run_id);

// A value of that run, inline or not.
absl::StatusOr<std::string> ReadBlobOf(journal::Journal* journal, const std::string& run_id,
                                       const v1::Blob& blob);

}  // namespace odw::loop
