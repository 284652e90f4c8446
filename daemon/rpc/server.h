// odwd's gRPC face: Control for clients, Executors for odw-executor, health and reflection, on unix
// sockets and loopback TCP. The only folder that includes grpcpp; this header does not.
//
// Order at start: construct (outbox() is valid from then on), start the core's loop, Start(). At
// the end: Shutdown(), then stop the loop, then destroy. Shutdown may be called by any thread, by
// one at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "daemon/config/config.h"
#include "daemon/core/core_inbox.h"
#include "daemon/journal/journal.h"
#include "daemon/model/script_loader.h"
#include "daemon/model/workflow_registry.h"
#include "daemon/rpc/outbox.h"
#include "odw/v1/control.pb.h"

namespace odw::rpc {

// Results may be 64 MiB; the rest is room for the message around one.
inline constexpr int kMessageBytesMax = 80 << 20;

struct ServerOptions {
  std::vector<std::string> listen;  // checked by config::Finish
  std::string data_dir;             // shown by GetInfo
  std::string token_file;           // made at first start, 0600; TCP callers must send its content
  config::Limits limits;
  std::string default_runtime;
  std::string default_model;
  std::map<std::string, double> exchange;  // config::Budget
  std::vector<std::string> fallback;       // RunSettings.fallback of a run that names none
  config::SecretsRule secrets = config::SecretsRule::kRefuse;
  // A watcher of a busy run reads at most this often; the run's end is told at once.
  absl::Duration watch_pace = absl::Milliseconds(20);
};

// Turns the daemon's clock and tells the new time (loop::CoreLoop::Advance).
using AdvanceClock =
    std::function<void(absl::Duration by, std::function<void(absl::StatusOr<absl::Time>)> done)>;

// Everything outlives the server. Callbacks may be called on any thread, several at once.
struct ServerDeps {
  core::CoreInbox* inbox = nullptr;
  journal::Journal* journal = nullptr;
  model::ScriptLoader* loader = nullptr;
  // Null: nothing can be looked up.
  model::WorkflowRegistry* registry = nullptr;
  // The page of a run, from the committed view. Runs on a gRPC thread.
  std::function<absl::StatusOr<std::string>(const std::string& run_id)> render_report;
  // Adds what only the core and the hosts know: executors, open_runs, script_hosts*, host_parks.
  std::function<void(v1::Info*)> fill_info;
  // Pinned in each run's header.
  std::function<v1::Versions()> versions;
  // What a run that resumes this one may be answered with. Reads the journal.
  std::function<absl::StatusOr<std::shared_ptr<const core::ReuseTable>>(const std::string& run_id)>
      read_reusable;
  // Removes an ended run; `done` is called once, when it is gone for good or why it stays.
  std::function<void(const v1::RunSummary& run, std::function<void(absl::Status)> done)> delete_run;
  // Used in builds with ODW_TEST_CLOCK alone.
  AdvanceClock advance;
};

// For the private daemon's linger: executors' streams do not count as clients.
struct ClientActivity {
  size_t active_calls = 0;
  absl::Time last_call;  // when the last call began or ended; construction at first
};

class Server {
 public:
  Server(ServerOptions options, ServerDeps deps);
  // Shuts down at once where Shutdown was not called.
  ~Server();

  // Listens. FailedPrecondition when another process serves the socket; a stale socket file is
  // removed.
  absl::Status Start();

  // Refuses new calls, ends watchers and waiting calls with UNAVAILABLE, closes executors' streams,
  // and cancels what is left after `deadline`. Returns when no call is left.
  void Shutdown(absl::Duration deadline);

  Outbox* outbox();
  // As bound: a port 0 is the real one here.
  std::vector<std::string> addresses() const;
  ClientActivity activity() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace odw::rpc
