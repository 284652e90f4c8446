#include "executors/cli/program.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/subprocess.h"

namespace odw::executors {
namespace {

constexpr int kProbeMs = 20'000;
constexpr size_t kVersionBytesMax = 4096;

absl::StatusOr<std::string> VersionLine(const std::string& program) {
  FILE* const file = tmpfile();
  if (file == nullptr) return ErrnoStatus("making a temporary file");
  const UniqueFd out(dup(fileno(file)));
  fclose(file);
  ODW_ASSIGN_OR_RETURN(Subprocess child,
                       StartSubprocess({.argv = {program, "--version"}, .fds = {{out.get(), 1}}}));
  pollfd ready{.fd = child.pidfd(), .events = POLLIN, .revents = 0};
  const bool ended = poll(&ready, 1, kProbeMs) == 1;
  if (!ended) (void)child.Signal(SIGKILL);
  ODW_ASSIGN_OR_RETURN(const int status, child.Wait());
  if (!ended)
    return absl::DeadlineExceededError("no answer within " + std::to_string(kProbeMs / 1000) +
                                       " s");
  if (status != 0) return absl::InternalError("it ended with status " + std::to_string(status));
  std::string text(kVersionBytesMax, '\0');
  const ssize_t got = pread(out.get(), text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(got > 0 ? got : 0));
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::string FindProgram(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    return program[0] == '/' && access(program.c_str(), X_OK) == 0 ? program : "";
  }
  const char* path = getenv("PATH");
  std::string rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty() && !program.empty()) {
    const size_t colon = rest.find(':');
    const std::string whole = rest.substr(0, colon) + "/" + program;
    if (whole[0] == '/' && access(whole.c_str(), X_OK) == 0) return whole;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  return "";
}

absl::StatusOr<std::string> FindCli(const std::string& name, const std::string& program) {
  std::string found = FindProgram(program.empty() ? name : program);
  if (!found.empty()) return found;
  const std::string what =
      program.empty() ? "no '" + name + "' on PATH" : "'" + program + "' is no executable file";
  return absl::UnavailableError(what + ": install the CLI, or set program = \"/path/to/" + name +
                                "\" in [" + name + "] of the executor's config");
}

std::string ToString(const CliVersion& v) {
  return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
}

absl::StatusOr<CliVersion> ReadVersion(const std::string& name, const std::string& program) {
  const absl::StatusOr<std::string> line = VersionLine(program);
  if (!line.ok()) return Annotate(line.status(), "asking " + program + " for its version");
  CliVersion version;
  const size_t digit = line->find_first_of("0123456789");
  if (digit == std::string::npos || sscanf(line->c_str() + digit, "%d.%d.%d", &version.major,
                                           &version.minor, &version.patch) < 2) {
    return absl::UnavailableError(program + " --version says '" + *line +
                                  "', which names no version of " + name);
  }
  return version;
}

absl::StatusOr<std::string> ProbeVersion(const std::string& name, const std::string& program,
                                         const CliVersion& oldest) {
  ODW_ASSIGN_OR_RETURN(const CliVersion version, ReadVersion(name, program));
  if (version < oldest) {
    return absl::UnavailableError(name + " " + ToString(version) + " (" + program +
                                  ") is too old: at least " + ToString(oldest) +
                                  " is needed; update it, or name another in [" + name +
                                  "] program of the executor's config");
  }
  return ToString(version);
}

}  // namespace odw::executors
