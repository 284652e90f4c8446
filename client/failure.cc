#include "client/failure.h"

#include <cctype>

#include "absl/strings/cord.h"

namespace odw::client {
namespace {

constexpr char kExitUrl[] = "odw/exit";
constexpr char kCodeUrl[] = "odw/code";
constexpr char kNextUrl[] = "odw/next";

std::string PayloadOf(const absl::Status& status, const char* url) {
  const auto payload = status.GetPayload(url);
  return payload ? std::string(*payload) : std::string();
}

Failure DefaultFor(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return {ExitCode::kUsage, "invalid_argument", "", "Correct the input and try again."};
    case absl::StatusCode::kNotFound:
      return {ExitCode::kNotFound, "not_found", "", "List the runs there are: odwctl list"};
    case absl::StatusCode::kAlreadyExists:
      return {ExitCode::kRefused, "already_exists", "",
              "Use another --key, or submit the same script and arguments again."};
    case absl::StatusCode::kFailedPrecondition:
      return {ExitCode::kRefused, "failed_precondition", "",
              "See the run's state: odwctl status RUN"};
    case absl::StatusCode::kResourceExhausted:
      return {ExitCode::kRefused, "limit_reached", "",
              "Raise the limit that the message names, or ask for less."};
    case absl::StatusCode::kUnavailable:
      return {ExitCode::kUnavailable, "unavailable", "", "See what is wrong: odwctl doctor"};
    case absl::StatusCode::kDeadlineExceeded:
      return {ExitCode::kUnavailable, "no_answer", "", "See what is wrong: odwctl doctor"};
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return {ExitCode::kUnavailable, "not_allowed", "",
              "Give the daemon's token: --token-file <data>/token, or ODW_TOKEN_FILE."};
    case absl::StatusCode::kUnimplemented:
      return {ExitCode::kUnavailable, "unimplemented", "",
              "The daemon does not know this call: compare the versions with odwctl version."};
    default:
      return {ExitCode::kRunFailed, "internal", "", "See what is wrong: odwctl doctor"};
  }
}

// The first run that the message names, for the next step to name it as well.
std::string RunIn(const std::string& message) {
  const size_t from = message.find("wf_");
  if (from == std::string::npos) return "";
  size_t end = from + 3;
  while (end < message.size() && (isalnum(static_cast<unsigned char>(message[end])) != 0 ||
                                  message[end] == '-')) {
    ++end;
  }
  return end > from + 3 ? message.substr(from, end - from) : "";
}

}  // namespace

absl::Status FailureStatus(const Failure& failure) {
  absl::Status status(absl::StatusCode::kUnknown, failure.message);
  status.SetPayload(kExitUrl, absl::Cord(std::to_string(static_cast<int>(failure.exit_code))));
  status.SetPayload(kCodeUrl, absl::Cord(failure.code));
  status.SetPayload(kNextUrl, absl::Cord(failure.next_step));
  return status;
}

Failure FailureOf(const absl::Status& status) {
  Failure failure = DefaultFor(status.code());
  failure.message = MessageOf(status);
  const std::string run = RunIn(failure.message);
  const size_t place = failure.next_step.rfind(" RUN");
  if (!run.empty() && place != std::string::npos) failure.next_step.replace(place + 1, 3, run);
  if (failure.message.find("is not a run id") != std::string::npos) {
    failure.next_step = "List the runs there are: odwctl list";
  }
  const std::string exit_code = PayloadOf(status, kExitUrl);
  if (exit_code.empty()) return failure;
  failure.exit_code = static_cast<ExitCode>(std::stoi(exit_code));
  failure.code = PayloadOf(status, kCodeUrl);
  failure.next_step = PayloadOf(status, kNextUrl);
  return failure;
}

absl::Status NodeFailure(const absl::Status& status, const std::string& run_id) {
  Failure failure = FailureOf(status);
  const bool no_run = failure.message.rfind("no run ", 0) == 0 ||
                      failure.message.rfind("no open run ", 0) == 0;
  const bool of_node = absl::IsNotFound(status) || absl::IsFailedPrecondition(status);
  if (!of_node || no_run) return status;
  failure.next_step = "See its nodes: odwctl status " + run_id + " --nodes";
  return FailureStatus(failure);
}

absl::Status UsageError(const std::string& message, const std::string& next_step) {
  return FailureStatus({ExitCode::kUsage, "usage", message, next_step});
}

}  // namespace odw::client
