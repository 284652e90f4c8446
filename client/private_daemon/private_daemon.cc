#include "client/private_daemon/private_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "client/failure.h"
#include "client/private_daemon/executor_start.h"
#include "daemon/base/fd.h"
#include "daemon/base/subprocess.h"
#include "daemon/base/version.h"

namespace odw::client {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr int kLookMillis = 3;
constexpr size_t kDaemonFileBytesMax = 64 << 10;
constexpr off_t kLogBytesMax = 16 << 20;  // then it is set aside as odwd.log.1
constexpr size_t kLogTailBytes = 2000;

std::string LogTail(const StateFolder& folder) {
  UniqueFd fd(open(folder.DaemonLog().c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return "";
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  std::string tail(std::min<size_t>(kLogTailBytes, static_cast<size_t>(std::max<off_t>(size, 0))),
                   0);
  const ssize_t got =
      pread(fd.get(), tail.data(), tail.size(), size - static_cast<off_t>(tail.size()));
  tail.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return tail;
}

absl::Status DidNotStart(const StateFolder& folder, const std::string& why) {
  return FailureStatus({ExitCode::kUnavailable, "daemon_did_not_start",
                        "the private daemon did not start: " + why + "\n" + LogTail(folder),
                        "Its log: " + folder.DaemonLog()});
}

absl::StatusOr<UniqueFd> OpenLog(const StateFolder& folder) {
  const std::string path = folder.DaemonLog();
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && info.st_size > kLogBytesMax) {
    rename(path.c_str(), (path + ".1").c_str());
  }
  UniqueFd log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log.valid()) return ErrnoStatus("opening " + path);
  return log;
}

absl::StatusOr<Subprocess> LaunchDaemon(const StateFolder& folder,
                                        const std::vector<ExecutorSpec>& executors) {
  ODW_RETURN_IF_ERROR(MakeFolders(folder.DataDir(), 0700));
  ODW_RETURN_IF_ERROR(WriteFileAtomically(folder.DaemonConfig(), DaemonToml(executors)));
  ODW_ASSIGN_OR_RETURN(const UniqueFd log, OpenLog(folder));
  return StartSubprocess({.argv = {OwnBinaryFolder() + "/odwd", "--config", folder.DaemonConfig(),
                                   "--data", folder.DataDir(), "--private"},
                          .cwd = "/",
                          .fds = {{log.get(), STDOUT_FILENO}, {log.get(), STDERR_FILENO}},
                          .new_session = true});
}

absl::StatusOr<Subprocess> StartDaemon(const StateFolder& folder,
                                       const std::vector<ExecutorSpec>& executors) {
  absl::StatusOr<Subprocess> process = LaunchDaemon(folder, executors);
  if (process.ok()) return process;
  return FailureStatus({ExitCode::kUnavailable, "daemon_did_not_start",
                        "the private daemon could not be started: " + MessageOf(process.status()),
                        "See what is missing: odwctl doctor"});
}

// Until the daemon answers or `process` ends.
absl::StatusOr<Endpoint> AwaitDaemon(const StateFolder& folder, Subprocess* process) {
  const absl::Time deadline = absl::Now() + kStartTimeout;
  pollfd ended = {.fd = process->pidfd(), .events = POLLIN, .revents = 0};
  while (absl::Now() < deadline) {
    absl::StatusOr<Endpoint> found = FindPrivateDaemon(folder);
    if (found.ok() || !absl::IsNotFound(found.status())) return found;
    if (poll(&ended, 1, kLookMillis) > 0) {
      const absl::StatusOr<int> exit_status = process->Wait();
      return DidNotStart(folder, "it ended with status " +
                                     (exit_status.ok() ? std::to_string(*exit_status) : "unknown"));
    }
  }
  return DidNotStart(folder, "it did not answer within " + absl::FormatDuration(kStartTimeout));
}

// The start lock, or the daemon that whoever held it has started meanwhile.
absl::StatusOr<UniqueFd> TakeStartLock(const StateFolder& folder) {
  const absl::Time deadline = absl::Now() + kStartTimeout;
  for (;;) {
    absl::StatusOr<UniqueFd> lock = LockFile(folder.StartLock());
    if (lock.ok() || !absl::IsFailedPrecondition(lock.status())) return lock;
    if (absl::Now() > deadline) {
      return FailureStatus({ExitCode::kUnavailable, "start_lock_held",
                            "another odwctl has been starting the private daemon for longer than " +
                                absl::FormatDuration(kStartTimeout),
                            "Look for it (ps), and for the reason in " + folder.DaemonLog()});
    }
    poll(nullptr, 0, kLookMillis);
  }
}

// Whether each of `wanted` is known with just these settings, and lives.
bool AllServe(const StateFolder& folder, const std::vector<ExecutorSpec>& wanted) {
  if (wanted.empty()) return true;
  const std::vector<ExecutorSpec> known = LoadExecutors(folder);
  return std::all_of(wanted.begin(), wanted.end(), [&](const ExecutorSpec& spec) {
    return std::find(known.begin(), known.end(), spec) != known.end() &&
           ExecutorPid(folder, spec.name) != 0;
  });
}

}  // namespace

absl::StatusOr<DaemonFile> ReadDaemonFile(const StateFolder& folder) {
  ODW_ASSIGN_OR_RETURN(const std::string text, ReadFile(folder.DaemonFile(), kDaemonFileBytesMax));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("version") || !json["version"].is_string() ||
      !json.contains("pid") || !json["pid"].is_number_integer()) {
    return absl::NotFoundError(folder.DaemonFile() + " is damaged");
  }
  return DaemonFile{.pid = json["pid"], .version = json["version"]};
}

absl::StatusOr<Endpoint> FindPrivateDaemon(const StateFolder& folder) {
  ODW_ASSIGN_OR_RETURN(Endpoint endpoint, ParseEndpoint("unix:" + folder.Socket(), ""));
  const absl::StatusOr<DaemonFile> file = ReadDaemonFile(folder);
  if (!file.ok() || !SocketAnswers(folder.Socket())) {
    return absl::NotFoundError("no daemon runs in " + folder.root);
  }
  if (file->version != kVersion) {
    const std::string pid = std::to_string(file->pid);
    return FailureStatus({ExitCode::kUnavailable, "version_mismatch",
                          "the private daemon in " + folder.root + " (process " + pid +
                              ") is odwd " + file->version + ", this is odwctl " + kVersion,
                          "End it with `kill " + pid +
                              "` and run this again: its runs go on in a "
                              "daemon of this version. Or use the odwctl of its version."});
  }
  return endpoint;
}

absl::StatusOr<Endpoint> EnsurePrivateDaemon(const StateFolder& folder, const ExecutorWish& wish) {
  ODW_ASSIGN_OR_RETURN(const std::vector<ExecutorSpec> wanted, ExecutorsFor(folder, wish));
  absl::StatusOr<Endpoint> found = FindPrivateDaemon(folder);
  if (!found.ok() && !absl::IsNotFound(found.status())) return found;
  if (found.ok() && AllServe(folder, wanted)) return found;

  const absl::Status made = MakeFolders(folder.root, 0700);
  if (!made.ok()) {
    return FailureStatus({ExitCode::kUnavailable, "no_state_folder",
                          "the state folder cannot be made: " + MessageOf(made),
                          "Give another: --state DIR or ODW_STATE."});
  }
  ODW_ASSIGN_OR_RETURN(const UniqueFd lock, TakeStartLock(folder));
  const std::vector<ExecutorSpec> known = LoadExecutors(folder);
  std::vector<std::string> replaced;
  const std::vector<ExecutorSpec> all = MergeExecutors(known, wanted, &replaced);
  if (all != known) ODW_RETURN_IF_ERROR(SaveExecutors(folder, all));

  DrainExecutors(folder, replaced);
  found = FindPrivateDaemon(folder);  // whoever held the lock before may have started it
  if (found.ok()) {
    ODW_RETURN_IF_ERROR(StartMissingExecutors(folder, *found, wanted));
    return found;
  }
  if (!absl::IsNotFound(found.status())) return found;
  ODW_ASSIGN_OR_RETURN(Subprocess process, StartDaemon(folder, all));
  return AwaitDaemon(folder, &process);
}

}  // namespace odw::client
