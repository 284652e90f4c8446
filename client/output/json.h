// The --json forms: the interface for programs. Field names are listed in ../README.md and only
// ever added to. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/failure.h"
#include "odw/v1/control.pb.h"

namespace odw::client {

std::string RunToJson(const v1::Run& run);
std::string RunsToJson(const v1::ListRunsResponse& runs);
std::string EventToJson(const v1::WatchEvent& event);
std::string InfoToJson(const v1::Info& info);
// {"providers":[{"runtime","provider","open",...}],"today":{"usage",...}}: what limits the daemon now.
std::string LimitsToJson(const v1::Info& info);
std::string ExplainToJson(const v1::ExplainResponse& reply);
std::string CheckToJson(const v1::CheckResponse& reply);
std::string WorkflowsToJson(const v1::ListWorkflowsResponse& reply);
std::string SubmitToJson(const v1::SubmitResponse& response);
// {"error":{"code","message","next_step","exit_code"}}
std::string FailureToJson(const Failure& failure);

// `json` indented by two spaces. Works on the text, so that every number stays as it is written.
// REQUIRES: `json` is JSON.
std::string PrettyJson(std::string_view json);

// The text of a JSON string, or nothing where `json` is another kind of value.
std::optional<std::string> JsonStringValue(std::string_view json);

bool IsJson(std::string_view text);

}  // namespace odw::client
