// A new run seeded with the results of an ended one (SPEC K): what resume, rerun and exec --resume
// ask the daemon for. One thread.
#pragma once

#include <string>

#include "client/commands/submission.h"
#include "client/session.h"
#include "odw/v1/control.pb.h"

namespace odw::client {

struct Resumption {
  std::string run_id;          // the run that is resumed
  SubmissionFlags submission;  // empty parts: as in that run
  std::string mode;            // "content", "prefix" or empty
  bool rebase = false;
};

// The new run. Says on stderr what it resumes, and the daemon's warnings.
absl::StatusOr<v1::SubmitResponse> ResumeRun(Session& session, const Resumption& resumption);

}  // namespace odw::client
