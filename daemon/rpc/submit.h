// Checks a SubmitRequest and makes the run's header of it: all of Submit that needs no gRPC. Pure;
// thread-safe.
#pragma once

#include <string>

#include "daemon/base/status.h"
#include "daemon/config/config.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/journal.pb.h"
#include "odw/v1/script.pb.h"

namespace odw::rpc {

inline constexpr size_t kIdempotencyKeyCharsMax = 128;
inline constexpr size_t kNameBytesMax = 4096;

struct SubmitDefaults {
  config::Limits limits;
  std::string default_runtime;
  std::string default_model;
};

// InvalidArgument for what is wrong, ResourceExhausted for what is too much (naming the limit).
absl::Status CheckSubmit(const v1::SubmitRequest& request, const config::Limits& limits);

// "flow.js:3:7: Unexpected token\n  <the line>\n" for each problem that is not a warning.
std::string DescribeProblems(const v1::script::LoadReply& reply, const std::string& script_name);

// The header of a new run, without its blobs. REQUIRES: CheckSubmit passed; reply.ok().
v1::RunSubmitted MakeHeader(const v1::SubmitRequest& request, const v1::script::LoadReply& reply,
                            const SubmitDefaults& defaults, const v1::Versions& versions,
                            const std::string& owner);

// The name shown where the request has none.
std::string ScriptNameOf(const v1::SubmitRequest& request);

}  // namespace odw::rpc
