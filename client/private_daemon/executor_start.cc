#include "client/private_daemon/executor_start.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/failure.h"
#include "daemon/base/fd.h"
#include "daemon/base/subprocess.h"

namespace odw::client {
namespace {

constexpr size_t kLockBytesMax = 4096;
constexpr int kExitStateTaken = 75;  // of odw-executor: a living one has the state folder

bool IsExecutor(pid_t pid) {
  char path[4096];
  const ssize_t size =
      readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), path, sizeof path);
  return size > 0 &&
         std::string(path, static_cast<size_t>(size)).find("/odw-executor") != std::string::npos;
}

absl::Status StartExecutor(const StateFolder& folder, const Endpoint& daemon,
                           const ExecutorSpec& spec) {
  const std::string state = folder.ExecutorState(spec.name);
  ODW_RETURN_IF_ERROR(MakeFolders(state, 0700));
  SubprocessOptions options;
  options.argv = {OwnBinaryFolder() + "/odw-executor",
                  "--runtime",
                  spec.runtime,
                  "--name",
                  spec.name,
                  "--daemon",
                  daemon.target,
                  "--state",
                  state,
                  "--log-file",
                  state + "/log",
                  "--daemonize"};
  if (spec.slots != 0) {
    options.argv.insert(options.argv.end(), {"--slots", std::to_string(spec.slots)});
  }
  if (!spec.config.empty()) {
    options.argv.insert(options.argv.end(), {"--config", spec.config});
  }
  options.cwd = "/";
  options.new_session = true;
  ODW_ASSIGN_OR_RETURN(Subprocess process, StartSubprocess(options));
  ODW_ASSIGN_OR_RETURN(const int exit_status,
                       process.Wait());  // --daemonize: ends when it has forked
  if (exit_status == 0 || exit_status == kExitStateTaken) return absl::OkStatus();
  return FailureStatus(
      {ExitCode::kUnavailable, "executor_did_not_start",
       "the " + spec.runtime + " executor did not start: status " + std::to_string(exit_status),
       "Its log: " + state + "/log"});
}

}  // namespace

pid_t ExecutorPid(const StateFolder& folder, const std::string& name) {
  const absl::StatusOr<std::string> text =
      ReadFile(folder.ExecutorState(name) + "/lock", kLockBytesMax);
  const pid_t pid = text.ok() ? atoi(text->c_str()) : 0;
  return pid > 0 && IsExecutor(pid) ? pid : 0;
}

absl::Status StartMissingExecutors(const StateFolder& folder, const Endpoint& daemon,
                                   const std::vector<ExecutorSpec>& wanted) {
  for (const ExecutorSpec& spec : wanted) {
    if (ExecutorPid(folder, spec.name) != 0) continue;
    ODW_RETURN_IF_ERROR(StartExecutor(folder, daemon, spec));
  }
  return absl::OkStatus();
}

void DrainExecutors(const StateFolder& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const pid_t pid = ExecutorPid(folder, name);
    if (pid != 0) kill(pid, SIGTERM);
  }
}

}  // namespace odw::client
