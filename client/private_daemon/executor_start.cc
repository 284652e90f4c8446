#include "client/private_daemon/executor_start.h"

#include <algorithm>

#include "client/failure.h"
#include "daemon/base/fd.h"
#include "daemon/base/subprocess.h"

namespace odw::client {
namespace {

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
                  state + "/executor.log",
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
  ODW_ASSIGN_OR_RETURN(const int exit_status, process.Wait());  // --daemonize: ends when it has forked
  if (exit_status == 0) return absl::OkStatus();
  return FailureStatus({ExitCode::kUnavailable, "executor_did_not_start",
                        "the " + spec.runtime + " executor did not start: status " +
                            std::to_string(exit_status),
                        "Its log: " + state + "/executor.log"});
}

}  // namespace

absl::Status StartMissingExecutors(const StateFolder& folder, const Endpoint& daemon,
                                   const std::vector<ExecutorSpec>& known,
                                   const std::vector<ExecutorSpec>& wanted) {
  for (const ExecutorSpec& spec : wanted) {
    if (std::find(known.begin(), known.end(), spec) != known.end()) continue;
    ODW_RETURN_IF_ERROR(StartExecutor(folder, daemon, spec));
  }
  return absl::OkStatus();
}

}  // namespace odw::client
