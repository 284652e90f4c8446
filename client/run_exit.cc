#include "client/run_exit.h"

#include <stdlib.h>

#include <nlohmann/json.hpp>

#include "client/output/text.h"

namespace odw::client {
namespace {

// An error's first words are enough here; `odwctl status` has the rest.
std::string ErrorText(const v1::Run& run) {
  if (!HasError(run)) return "";
  return ": " + CategoryName(run.error().category()) + ": " + run.error().message();
}

bool SaysNotOk(const std::string& value_json) {
  const auto value = nlohmann::json::parse(value_json, nullptr, /*allow_exceptions=*/false);
  return value.is_object() && value.contains("ok") && value["ok"] == false;
}

absl::Status JudgeCompleted(const v1::Run& run, const std::string& value_json,
                            const Acceptance& accept) {
  const std::string next = "See the failed nodes: odwctl status " + run.run_id() + " --nodes";
  const std::string failed = std::to_string(run.nodes().failed()) + " of " +
                             std::to_string(run.nodes().total()) + " nodes failed";
  if (accept.fail_on.degraded && run.health() == v1::DEGRADED) {
    return FailureStatus({ExitCode::kUnacceptable, "degraded",
                          "run " + run.run_id() + " completed degraded: " + failed, next});
  }
  const double percent =
      run.nodes().total() == 0 ? 0 : 100.0 * run.nodes().failed() / run.nodes().total();
  if (accept.fail_on.percent && percent > *accept.fail_on.percent) {
    return FailureStatus({ExitCode::kUnacceptable, "too_many_failures",
                          "run " + run.run_id() + " completed, but " + failed, next});
  }
  if ((accept.strict_ok || run.dialect() == v1::ODW) && SaysNotOk(value_json)) {
    return FailureStatus({ExitCode::kUnacceptable, "not_ok",
                          "run " + run.run_id() + " completed with a result that says ok: false",
                          accept.strict_ok ? "Read the result, or run without --strict-ok."
                                           : "Read the result: in the odw dialect it decides."});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FailOn> ParseFailOn(const std::string& text) {
  if (text == "degraded") return FailOn{.degraded = true};
  char* end = nullptr;
  const double percent = strtod(text.c_str(), &end);
  if (text.empty() || std::string(end) != "%" || !(percent >= 0 && percent <= 100)) {
    return UsageError("--fail-on '" + text + "' is neither 'degraded' nor a share such as 5%",
                      "Give --fail-on degraded or --fail-on N%.");
  }
  return FailOn{.percent = percent};
}

absl::Status JudgeRun(const v1::Run& run, const std::string& value_json, const Acceptance& accept) {
  const std::string id = run.run_id();
  switch (run.state()) {
    case v1::COMPLETED:
      return JudgeCompleted(run, value_json, accept);
    case v1::FAILED:
      return FailureStatus({ExitCode::kRunFailed, "run_failed",
                            "run " + id + " failed" + ErrorText(run),
                            "See what happened: odwctl report " + id + " --out report.html"});
    case v1::KILLED:
      return FailureStatus({ExitCode::kStopped, "run_stopped",
                            "run " + id + " was stopped" + ErrorText(run),
                            "What it did until then: odwctl report " + id + " --out report.html"});
    case v1::NEEDS_ATTENTION:
      return FailureStatus({ExitCode::kNeedsAttention, "needs_attention",
                            "run " + id + " needs attention" + ErrorText(run),
                            "See both sides: odwctl status " + id});
    default:
      return absl::FailedPreconditionError("run " + id + " has not ended: it is " +
                                           StateName(run.state()));
  }
}

}  // namespace odw::client
