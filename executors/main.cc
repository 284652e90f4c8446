// odw-executor: the composition root. See README.md.
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "daemon/base/log.h"
#include "daemon/base/subprocess.h"
#include "executors/config.h"
#include "executors/daemonize.h"
#include "executors/doctor/doctor.h"
#include "executors/event_loop.h"
#include "executors/executor.h"
#include "executors/flags.h"
#include "executors/identity.h"
#include "executors/make_runtime.h"
#include "executors/pandacode.h"
#include "executors/relay/relay.h"
#include "executors/spool.h"
#include "executors/task/zygote.h"
#include "executors/validator.h"
#include "executors/worktree/tree_runtime.h"

namespace odw::executors {
namespace {

constexpr uint32_t kSlotsDefault = 16;
constexpr size_t kTokenBytesMax = 4096;
constexpr int kExitError = 1;
constexpr int kExitStateTaken = 75;  // another executor has the state folder
constexpr char kScriptBinary[] = "/odw-script";

LogLevel ToLevel(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warning") return LogLevel::kWarning;
  return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

absl::StatusOr<SessionOptions> MakeSessionOptions(const Flags& flags) {
  SessionOptions options{.daemon_address = flags.daemon, .token = ""};
  if (flags.token_file.empty()) return options;
  ODW_ASSIGN_OR_RETURN(options.token, ReadFile(flags.token_file, kTokenBytesMax));
  while (!options.token.empty() && isspace(static_cast<unsigned char>(options.token.back()))) {
    options.token.pop_back();
  }
  return options;
}

// SIGTERM and SIGINT drain; a second one leaves at once, with supervised tasks left to the next start.
class Signals {
 public:
  // Before any thread, so that all of them inherit the mask.
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    fd_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  void DrainOnSignal(EventLoop* loop, Executor* executor) {
    loop->Watch(fd_.get(), EPOLLIN, [this, loop, executor](uint32_t) {
      signalfd_siginfo info;
      while (read(fd_.get(), &info, sizeof info) == sizeof info) {
        if (asked_) loop->Stop();
        asked_ = true;
        executor->Drain("signal " + std::to_string(info.ssi_signo));
      }
    });
  }

 private:
  UniqueFd fd_;
  bool asked_ = false;
};

// A task under way holds two descriptors. The zygote, and so the commands, keep the usual limit.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

absl::Status Run(const Flags& flags, const Config& config, Daemonizer* daemonizer) {
  const std::string name = !flags.name.empty() ? flags.name : !config.name.empty() ? config.name : flags.runtime;
  const std::string folder = !flags.state.empty() ? flags.state : DefaultStateRoot() + "/executors/" + name;
  ODW_RETURN_IF_ERROR(MakeFolders(folder));
  if (flags.daemonize) {
    ODW_RETURN_IF_ERROR(daemonizer->Begin(flags.log_file.empty() ? folder + "/executor.log" : flags.log_file));
  }
  ZygoteHandle zygote;
  if (NeedsZygote(flags.runtime)) {
    // Before the lock, which it must not share, and before any thread.
    ODW_ASSIGN_OR_RETURN(zygote, ForkZygote());
  }
  RaiseDescriptorLimit();
  Signals signals;
  ODW_ASSIGN_OR_RETURN(const UniqueFd lock, LockStateFolder(folder));
  ODW_ASSIGN_OR_RETURN(const Identity identity, NextIncarnation(folder));
  ODW_ASSIGN_OR_RETURN(const SessionOptions session, MakeSessionOptions(flags));
  const uint64_t spool_bytes = config.spool_bytes_max > 0 ? config.spool_bytes_max : kSpoolBytesMaxDefault;
  ODW_ASSIGN_OR_RETURN(const std::unique_ptr<Spool> spool, Spool::Open(folder + "/spool", spool_bytes));

  EventLoop loop;
  Validator validator(&loop, OwnBinaryFolder() + kScriptBinary);
  ODW_ASSIGN_OR_RETURN(std::unique_ptr<Runtime> inner,
                       MakeRuntime(flags.runtime, config, folder, &loop, &validator, std::move(zygote)));
  const std::unique_ptr<Runtime> runtime =
      std::make_unique<worktree::TreeRuntime>(&loop, std::move(inner), folder + "/trees");
  ExecutorOptions options{.name = name, .slots = flags.slots, .labels = config.labels,
                          .linger = flags.linger, .limits = config.limits,
                          .redactor = Redactor::OfEnvironment()};
  if (options.slots == 0) options.slots = config.slots > 0 ? config.slots : kSlotsDefault;
  Executor executor(&loop, options, identity, spool.get(), runtime.get());
  signals.DrainOnSignal(&loop, &executor);
  ODW_RETURN_IF_ERROR(executor.Start(session));
  daemonizer->Ready();
  sd_notify(0, "READY=1");  // for systemd/odw-executor@.service
  loop.Run();
  sd_notify(0, "STOPPING=1");
  LogInfo("leaving");
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  if (IsRelay(argc, argv)) return RelayMain(argc, argv);
  if (IsPandacode(argv[0])) return PandacodeMain(argc, argv);
  Flags flags;
  if (const int status = ParseFlags(argc, argv, &flags); status >= 0) return status;
  InitLog("odw-executor", flags.doctor ? LogLevel::kWarning : ToLevel(flags.log_level));
  if (flags.task_zygote_fd >= 0) ServeAsZygote(flags.task_zygote_fd);
  Daemonizer daemonizer;
  absl::Status status;
  Config config;
  if (!flags.config.empty()) {
    absl::StatusOr<Config> loaded = LoadConfig(flags.config);
    status = loaded.status();
    if (loaded.ok()) config = *std::move(loaded);
  }
  if (status.ok() && flags.doctor) {
    return DoctorMain({.runtime = flags.runtime, .config = config, .probe = flags.probe});
  }
  if (status.ok()) status = Run(flags, config, &daemonizer);
  if (status.ok()) return 0;
  const int exit_status = absl::IsFailedPrecondition(status) ? kExitStateTaken : kExitError;
  daemonizer.Failed(exit_status, MessageOf(status));
  fprintf(stderr, "odw-executor: %s\n", MessageOf(status).c_str());
  return exit_status;
}

}  // namespace
}  // namespace odw::executors

int main(int argc, char** argv) { return odw::executors::Main(argc, argv); }
