// A Control service that plays back what a test gives it, over real gRPC on a unix socket.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/mutex.h"
#include "daemon/base/status.h"
#include "odw/v1/control.pb.h"

namespace odw::client {

struct FakeRun {
  v1::Run run;
  std::string value_json;
  std::vector<v1::WatchEvent> events;
  std::string report = "<!doctype html>";
  absl::Status submit_status;   // what Submit answers instead
  int unavailable_submits = 0;  // so many first submits find the daemon gone
  int events_a_stream = 0;      // a stream is cut with UNAVAILABLE after so many; 0: never
  // What the other calls answer; each ends with `control_status` where that is set.
  v1::ExplainResponse explain;
  v1::CheckResponse check;
  v1::ListWorkflowsResponse workflows;
  v1::GetSourceResponse source;
  v1::RepositoryResponse repository;
  absl::Status control_status;
  bool never_ends = false;          // a stream stays open after its last event
  bool silent_until_asked = false;  // a stream holds its last event back until GetRun was called
};

class FakeControl {
 public:
  // Listens on unix:`socket_path`.
  FakeControl(const std::string& socket_path, FakeRun script);
  ~FakeControl();

  std::string address() const { return "unix:" + socket_path_; }
  std::vector<v1::SubmitRequest> submits() const;
  std::vector<uint64_t> watched_after() const;
  std::string stop_reason() const;
  // Pause, Skip, Resume and the like, in order: "Skip run_id: \"wf_...\" node: 7".
  std::vector<std::string> calls() const;
  void Wait();  // until the process is killed

 private:
  class Service;
  struct Server;
  const std::string socket_path_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Server> server_;
};

// A run in `state` with `nodes` nodes, all done; its events: started, each node running and done,
// ended.
FakeRun PlainRun(v1::RunState state, int nodes);

}  // namespace odw::client
