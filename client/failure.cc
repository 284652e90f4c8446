#include "client/failure.h"

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
  const std::string exit_code = PayloadOf(status, kExitUrl);
  if (exit_code.empty()) return failure;
  failure.exit_code = static_cast<ExitCode>(std::stoi(exit_code));
  failure.code = PayloadOf(status, kCodeUrl);
  failure.next_step = PayloadOf(status, kNextUrl);
  return failure;
}

absl::Status UsageError(const std::string& message, const std::string& next_step) {
  return FailureStatus({ExitCode::kUsage, "usage", message, next_step});
}

}  // namespace odw::client
