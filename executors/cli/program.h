// Finding an agent CLI and asking for its version. Blocks for as long as the CLI takes to answer.
#pragma once

#include <string>

#include "daemon/base/status.h"

namespace odw::executors {

struct CliVersion {
  int major = 0, minor = 0, patch = 0;
  auto operator<=>(const CliVersion&) const = default;
};

// The absolute path of `program` (a path or a name), or of `name` on PATH when it is empty.
// FailedPrecondition, saying how to install it or where to name it, when there is none.
absl::StatusOr<std::string> FindCli(const std::string& name, const std::string& program);

// What `program --version` says. Unavailable when it does not answer.
absl::StatusOr<CliVersion> ReadVersion(const std::string& name, const std::string& program);
std::string ToString(const CliVersion& version);

// "2.1.330" of `program --version`. FailedPrecondition when it does not answer or is older than
// `oldest`.
absl::StatusOr<std::string> ProbeVersion(const std::string& name, const std::string& program,
                                         const CliVersion& oldest);

// The absolute path of a program, found as execvp would; empty when there is none.
std::string FindProgram(const std::string& program);

}  // namespace odw::executors
