// Checks a SubmitRequest and makes the run's header of it: all of Submit and Resume that needs no gRPC
// and no I/O. Pure; thread-safe.
#pragma once

#include <string>

#include "daemon/base/status.h"
#include "daemon/config/config.h"
#include "daemon/rpc/run_options.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/journal.pb.h"
#include "odw/v1/script.pb.h"

namespace odw::rpc {

inline constexpr size_t kIdempotencyKeyCharsMax = 128;

// What a resumed run takes from the one that it resumes.
struct ResumedRun {
  v1::RunSubmitted header;
  v1::ResumeMode mode = v1::RESUME_CONTENT;
  bool rebase = false;
  bool new_args = false;  // given with the request, not the old run's
};

// Of the script alone: its size and its bytes.
absl::Status CheckScript(const std::string& script, const config::Limits& limits);
// All of a request but its script, which may not be known yet. InvalidArgument for what is wrong,
// ResourceExhausted for what is too much (naming the limit).
absl::Status CheckSubmit(const v1::SubmitRequest& request, const config::Limits& limits);
// InvalidArgument, with line and column, when script or args hold what looks like a credential.
absl::Status CheckSecrets(const v1::SubmitRequest& request);

// "flow.js:3:7: Unexpected token\n  <the line>\n" for each problem that is not a warning.
std::string DescribeProblems(const v1::script::LoadReply& reply, const std::string& script_name);

// The header of a new run, without its blobs and surroundings. REQUIRES: the checks passed; reply.ok().
// `resumed`: null for a run of its own.
v1::RunSubmitted MakeHeader(const v1::SubmitRequest& request, const v1::script::LoadReply& reply,
                            const SubmitDefaults& defaults, const v1::Versions& versions,
                            const std::string& owner, const ResumedRun* resumed);

// The name shown where the request has none.
std::string ScriptNameOf(const v1::SubmitRequest& request);

// What is resumed, as a submission: what the request leaves empty is the old run's (SPEC I4). `source`
// and `args_json` are the old run's.
v1::SubmitRequest SubmitOfResume(const v1::ResumeRequest& request, const v1::RunSubmitted& old,
                                 std::string source, const std::string* args_json);

}  // namespace odw::rpc
