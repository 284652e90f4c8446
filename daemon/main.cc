// odwd: the composition root. Makes the parts, joins them, waits for the end.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "daemon/base/canonical_json.h"
#include "daemon/base/log.h"
#include "daemon/base/subprocess.h"
#include "daemon/base/version.h"
#include "daemon/core/fallback.h"
#include "daemon/flags.h"
#include "daemon/hosts/loader_process.h"
#include "daemon/http/http_server.h"
#include "daemon/journal/rocks_journal.h"
#include "daemon/loop/core_loop.h"
#include "daemon/loop/executor_starter.h"
#include "daemon/loop/recovery.h"
#include "daemon/loop/reuse_reader.h"
#include "daemon/loop/run_reader.h"
#include "daemon/model/fallback_entry.h"
#include "daemon/registry/registry.h"
#include "daemon/rpc/server.h"
#include "webreport/report.h"

namespace odw {
namespace {

constexpr int kExitUsage = 2;
constexpr int kExitFailure = 1;
constexpr absl::Duration kShutdownDeadline = absl::Seconds(5);
constexpr int kIdleCheckMs = 250;

int Complain(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "odwd: %s\n", MessageOf(status).c_str());
  return exit_code;
}

LogLevel LevelFrom(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

core::Settings CoreSettings(const config::Config& config) {
  core::Settings settings;
  settings.script_hosts_max = config.script_hosts_max;
  settings.open_runs_max = config.limits.open_runs_max;
  settings.lease_grace = config.lease_grace_local;
  const config::Budget& budget = config.budget;
  settings.day.tokens_max = budget.day_tokens_max;
  settings.day.cost_micros_max = budget.day_cost_micros_max;
  settings.day.cost_currency = budget.day_cost_currency;
  for (const auto& [currency, per_usd] : budget.exchange) {
    v1::ExchangeRate* rate = settings.day.exchange.Add();
    rate->set_currency(currency);
    rate->set_per_usd(per_usd);
  }
  return settings;
}

// As RunSettings.fallback has them (daemon/core/fallback.h).
absl::StatusOr<std::vector<std::string>> FallbacksOf(const config::Config& config) {
  std::vector<std::string> all;
  for (const auto& [runtime, entries] : config.fallback) {
    for (const std::string& entry : entries) {
      if (!model::ParseFallback(entry)) {
        return absl::InvalidArgumentError("fallback." + runtime + " of odwd's config has '" + entry +
                                          "', which is none: give " + model::kFallbackForms);
      }
      all.push_back(runtime + core::kFallbackOf + entry);
    }
  }
  return all;
}

absl::StatusOr<std::string> RenderRun(journal::Journal* journal, const Clock& clock,
                                      const std::string& run_id) {
  ODW_ASSIGN_OR_RETURN(const v1::Run run, loop::ReadRun(journal, run_id));
  const auto blobs = [&](const v1::Blob& blob) { return loop::ReadBlobOf(journal, run_id, blob); };
  return webreport::RenderReport(run, blobs, {.now_unix_ms = UnixMillis(clock.Now())});
}

// Null: the machine's clock is used.
absl::StatusOr<std::unique_ptr<loop::ManualClock>> MakeManualClock(const Flags& flags,
                                                                   journal::Journal* journal) {
  if (!flags.manual_clock) return nullptr;
  ODW_ASSIGN_OR_RETURN(const absl::Time newest, loop::NewestTime(journal));
  return std::make_unique<loop::ManualClock>(std::max(newest, absl::Now()));
}

// odwd.json: how clients and people find a running daemon.
absl::Status WriteReadyFile(const config::Config& config, const rpc::Server& server,
                            const std::string& http) {
  std::string listen;
  for (const std::string& address : server.addresses()) {
    listen += (listen.empty() ? "" : ",") + JsonQuote(address);
  }
  return WriteFileAtomically(config.data_dir + "/odwd.json",
                             "{\"pid\":" + std::to_string(getpid()) + ",\"version\":\"" + kVersion +
                                 "\",\"listen\":[" + listen + "],\"http\":" + JsonQuote(http) + "}\n");
}

void StartExecutors(const config::Config& config, const std::string& address) {
  for (const config::ExecutorAutostart& executor : config.executors) {
    auto started = loop::StartExecutor({.binary = OwnBinaryFolder() + "/odw-executor",
                                        .daemon_address = address,
                                        .data_dir = config.data_dir},
                                       executor);
    if (!started.ok()) LogError(MessageOf(started.status()));
  }
}

// Blocks SIGTERM and SIGINT for all threads to come; they arrive on the descriptor.
UniqueFd TakeSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC));
}

// Until a signal, or in private mode until nobody needs this daemon.
void WaitForTheEnd(const config::Config& config, int signals, const rpc::Server& server,
                   const loop::CoreLoop& loop) {
  for (;;) {
    pollfd waiting{signals, POLLIN, 0};
    if (poll(&waiting, 1, config.private_mode ? kIdleCheckMs : -1) > 0) {
      LogInfo("stopping on a signal");
      return;
    }
    if (!config.private_mode) continue;
    const rpc::ClientActivity activity = server.activity();
    if (activity.active_calls == 0 && loop.open_runs() == 0 &&
        absl::Now() - activity.last_call > config.private_linger) {
      LogInfo("stopping: no client and no open run");
      return;
    }
  }
}

rpc::ServerDeps ServerDepsOf(loop::CoreLoop* loop, journal::Journal* journal, hosts::LoaderProcess* loader,
                             registry::Registry* registry, const Clock& clock) {
  return {.inbox = loop, .journal = journal, .loader = loader, .registry = registry,
          .render_report = [=, &clock](const std::string& run_id) { return RenderRun(journal, clock, run_id); },
          .fill_info = [=](v1::Info* info) { loop->FillInfo(info); },
          .versions = [=] { return loop->Versions(); },
          .read_reusable = [=](const std::string& run_id) { return loop::ReadReuseTable(journal, run_id); },
          .delete_run = [=](const v1::RunSummary& run, auto done) { loop->DeleteRun(run, std::move(done)); },
          .advance = [=](absl::Duration by, auto done) { loop->Advance(by, std::move(done)); }};
}

absl::Status Serve(const Flags& flags, const UniqueFd& signals) {
  const config::Config& config = flags.config;
  ODW_RETURN_IF_ERROR(MakeFolders(config.data_dir));
  absl::StatusOr<UniqueFd> lock = LockFile(config.data_dir + "/lock");
  if (!lock.ok()) {
    return Annotate(lock.status(), "another odwd serves " + config.data_dir + ", use it or another --data");
  }
  ODW_ASSIGN_OR_RETURN(auto journal, journal::RocksJournal::Open(config.data_dir + "/journal"));
  metrics::Metrics metrics;
  if (!config.http_listen.empty()) metrics.Enable();
  const std::string script_binary = OwnBinaryFolder() + "/odw-script";
  hosts::LoaderProcess loader(script_binary);
  registry::Registry registry({.user = registry::UserFoldersFromEnvironment(),
                               .script_folders = config.workflow_folders,
                               .script_chars_max = config.limits.script_chars_max},
                              &loader);
  ODW_ASSIGN_OR_RETURN(const auto manual_clock, MakeManualClock(flags, journal.get()));
  const Clock& clock = manual_clock ? *manual_clock : Clock::Real();
  loop::CoreLoop loop({.settings = CoreSettings(config), .script_binary = script_binary,
                       .daemon_version = kVersion, .clock = &clock, .manual_clock = manual_clock.get(),
                       .registry = &registry},
                      journal.get(), &metrics);
  ODW_ASSIGN_OR_RETURN(const std::vector<std::string> fallbacks, FallbacksOf(config));
  rpc::Server server(
      {.listen = config.listen, .data_dir = config.data_dir, .token_file = config.data_dir + "/token",
       .limits = config.limits, .default_runtime = config.default_runtime,
       .default_model = config.default_model, .exchange = config.budget.exchange,
       .fallback = fallbacks, .secrets = config.secrets},
      ServerDepsOf(&loop, journal.get(), &loader, &registry, clock));
  ODW_RETURN_IF_ERROR(loop.Start(server.outbox()));
  std::thread core_thread([&] { loop.Run(); });
  std::unique_ptr<http::HttpServer> http;
  absl::Status started = server.Start();
  if (started.ok() && !config.http_listen.empty()) {
    auto http_started = http::HttpServer::Start({.listen = config.http_listen, .metrics = &metrics,
                                                 .healthy = [&] { return loop.Healthy(); }});
    started = http_started.status();
    if (http_started.ok()) http = *std::move(http_started);
  }
  if (started.ok()) started = WriteReadyFile(config, server, http ? http->address() : "");
  if (started.ok()) {
    StartExecutors(config, server.addresses().front());
    sd_notify(0, "READY=1");
    LogInfo("odwd " + std::string(kVersion) + " serves " + server.addresses().front());
    WaitForTheEnd(config, signals.get(), server, loop);
    sd_notify(0, "STOPPING=1");
    unlink((config.data_dir + "/odwd.json").c_str());
    server.Shutdown(kShutdownDeadline);
  }
  http.reset();
  loop.Stop();
  core_thread.join();
  registry.Stop();  // its answers go to the loop
  return started;
}

int Main(int argc, char** argv) {
  absl::StatusOr<Flags> flags = ParseFlags(argc, argv);
  if (!flags.ok()) return Complain(flags.status(), kExitUsage);
  if (flags->show_help) return std::fputs(kUsage, stdout) < 0 ? kExitFailure : 0;
  if (flags->show_version) return std::printf("odwd %s\n", kVersion) < 0 ? kExitFailure : 0;
  if (absl::Status status = config::Finish(&flags->config); !status.ok()) {
    return Complain(status, kExitUsage);
  }
  InitLog("odwd", LevelFrom(flags->config.log_level));
  config::ApplyEnvironment(&flags->config);
  const UniqueFd signals = TakeSignals();
  absl::Status status = Serve(*flags, signals);
  return status.ok() ? 0 : Complain(status, kExitFailure);
}

}  // namespace
}  // namespace odw

int main(int argc, char** argv) { return odw::Main(argc, argv); }
