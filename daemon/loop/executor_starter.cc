#include "daemon/loop/executor_starter.h"

#include "daemon/base/fd.h"
#include "daemon/base/subprocess.h"

namespace odw::loop {
namespace {

constexpr int kExitStateTaken = 75;  // odw-executor's: a living one has the state folder

}  // namespace

absl::StatusOr<bool> StartExecutor(const ExecutorStarterOptions& options,
                                   const config::ExecutorAutostart& executor) {
  const std::string name = executor.name.empty() ? executor.runtime : executor.name;
  const std::string state = options.data_dir + "/executors/" + name;
  ODW_RETURN_IF_ERROR(MakeFolders(state));
  {
    absl::StatusOr<UniqueFd> lock = LockFile(state + "/lock");
    if (absl::IsFailedPrecondition(lock.status())) return false;
    ODW_RETURN_IF_ERROR(lock.status());
  }
  SubprocessOptions child;
  child.argv = {options.binary, "--runtime", executor.runtime, "--daemon", options.daemon_address,
                "--state", state, "--name", name, "--daemonize", "--log-file", state + "/log"};
  if (executor.slots > 0) {
    child.argv.push_back("--slots");
    child.argv.push_back(std::to_string(executor.slots));
  }
  if (!executor.config_file.empty()) {
    child.argv.push_back("--config");
    child.argv.push_back(executor.config_file);
  }
  child.new_session = true;
  ODW_ASSIGN_OR_RETURN(Subprocess process, StartSubprocess(child));
  // --daemonize: the process that was started ends at once, the executor lives on.
  ODW_ASSIGN_OR_RETURN(const int status, process.Wait());
  if (status == kExitStateTaken) return false;  // another one took the folder in between
  if (status != 0) {
    return absl::InternalError("executor " + name + " did not start (status " + std::to_string(status) +
                               "); see " + state + "/log");
  }
  return true;
}

}  // namespace odw::loop
