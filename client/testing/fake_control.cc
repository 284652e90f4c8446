#include "client/testing/fake_control.h"

#include <grpcpp/grpcpp.h>

#include "daemon/base/version.h"
#include "odw/v1/control.grpc.pb.h"

namespace odw::client {
namespace {

constexpr char kRunId[] = "wf_1072dc96-6a2b4f01";
constexpr int64_t kStart = 1'795'000'000'000;

}  // namespace

class FakeControl::Service : public v1::Control::Service {
 public:
  explicit Service(FakeRun script) : script_(std::move(script)) {}

  grpc::Status Submit(grpc::ServerContext*, const v1::SubmitRequest* request,
                      v1::SubmitResponse* response) override {
    MutexLock lock(&mutex_);
    submits.push_back(*request);
    if (script_.unavailable_submits-- > 0) return {grpc::StatusCode::UNAVAILABLE, "going away"};
    if (!script_.submit_status.ok()) {
      return {static_cast<grpc::StatusCode>(script_.submit_status.code()),
              MessageOf(script_.submit_status)};
    }
    response->set_run_id(script_.run.run_id());
    return grpc::Status::OK;
  }

  grpc::Status GetRun(grpc::ServerContext*, const v1::GetRunRequest* request,
                      v1::Run* response) override {
    const grpc::Status found = Find(request->run_id(), response);
    MutexLock lock(&asked_mutex_);
    asked_ = true;
    asked_changed_.NotifyAll();
    return found;
  }

  grpc::Status ListRuns(grpc::ServerContext*, const v1::ListRunsRequest*,
                        v1::ListRunsResponse* response) override {
    *response->add_runs() = script_.run;
    response->set_next_before(script_.run.run_id());
    return grpc::Status::OK;
  }

  grpc::Status GetResult(grpc::ServerContext*, const v1::GetResultRequest* request,
                         v1::GetResultResponse* response) override {
    response->set_value_json(script_.value_json);
    const grpc::Status found = Find(request->run_id(), response->mutable_run());
    if (found.ok() && response->run().state() == v1::RUNNING) {
      return {grpc::StatusCode::FAILED_PRECONDITION, "the run has not ended"};
    }
    return found;
  }

  grpc::Status Watch(grpc::ServerContext*, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchEvent>* writer) override {
    {
      MutexLock lock(&mutex_);
      watched_after.push_back(request->after());
    }
    int written = 0;
    for (const v1::WatchEvent& event : script_.events) {
      if (event.number() <= request->after()) continue;
      if (script_.events_a_stream > 0 && written == script_.events_a_stream) {
        return {grpc::StatusCode::UNAVAILABLE, "the daemon goes away"};
      }
      if (script_.silent_until_asked && event.has_run_ended()) AwaitAsked();
      writer->Write(event);
      ++written;
    }
    if (script_.never_ends) AwaitEnd();
    return grpc::Status::OK;
  }

  grpc::Status Stop(grpc::ServerContext*, const v1::StopRequest* request,
                    v1::StopResponse* response) override {
    MutexLock lock(&mutex_);
    stop_reason = request->reason();
    script_.run.set_state(v1::KILLED);
    *response->mutable_run() = script_.run;
    return grpc::Status::OK;
  }

  grpc::Status Pause(grpc::ServerContext*, const v1::PauseRequest* request,
                     v1::RunReply* response) override {
    return Reply("Pause", *request, response);
  }
  grpc::Status Unpause(grpc::ServerContext*, const v1::UnpauseRequest* request,
                       v1::RunReply* response) override {
    return Reply("Unpause", *request, response);
  }
  grpc::Status Skip(grpc::ServerContext*, const v1::NodeRequest* request,
                    v1::RunReply* response) override {
    return Reply("Skip", *request, response);
  }
  grpc::Status Restart(grpc::ServerContext*, const v1::NodeRequest* request,
                       v1::RunReply* response) override {
    return Reply("Restart", *request, response);
  }
  grpc::Status Resume(grpc::ServerContext*, const v1::ResumeRequest* request,
                      v1::SubmitResponse* response) override {
    response->set_run_id(script_.run.run_id());
    return Record("Resume", *request);
  }
  grpc::Status Explain(grpc::ServerContext*, const v1::NodeRequest* request,
                       v1::ExplainResponse* response) override {
    *response = script_.explain;
    return Record("Explain", *request);
  }
  grpc::Status Delete(grpc::ServerContext*, const v1::DeleteRequest* request,
                      v1::DeleteResponse*) override {
    return Record("Delete", *request);
  }
  grpc::Status Check(grpc::ServerContext*, const v1::CheckRequest* request,
                     v1::CheckResponse* response) override {
    *response = script_.check;
    return Record("Check", *request);
  }
  grpc::Status ListWorkflows(grpc::ServerContext*, const v1::ListWorkflowsRequest* request,
                             v1::ListWorkflowsResponse* response) override {
    *response = script_.workflows;
    return Record("ListWorkflows", *request);
  }
  grpc::Status GetSource(grpc::ServerContext*, const v1::GetSourceRequest* request,
                         v1::GetSourceResponse* response) override {
    *response = script_.source;
    return Record("GetSource", *request);
  }
  grpc::Status Repository(grpc::ServerContext*, const v1::RepositoryRequest* request,
                          v1::RepositoryResponse* response) override {
    *response = script_.repository;
    return Record("Repository", *request);
  }

  grpc::Status Record(const char* call, const google::protobuf::Message& request) {
    MutexLock lock(&mutex_);
    calls.push_back(std::string(call) + " " + request.ShortDebugString());
    if (script_.control_status.ok()) return grpc::Status::OK;
    return {static_cast<grpc::StatusCode>(script_.control_status.code()),
            MessageOf(script_.control_status)};
  }
  grpc::Status Reply(const char* call, const google::protobuf::Message& request,
                     v1::RunReply* response) {
    *response->mutable_run() = script_.run;
    return Record(call, request);
  }

  grpc::Status Report(grpc::ServerContext*, const v1::ReportRequest*,
                      grpc::ServerWriter<v1::ReportChunk>* writer) override {
    for (const char c : script_.report) {
      v1::ReportChunk chunk;
      chunk.set_html(std::string(1, c));
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }

  grpc::Status GetInfo(grpc::ServerContext*, const v1::GetInfoRequest*, v1::Info* info) override {
    info->set_version(kVersion);
    info->set_data_dir("/data");
    v1::Executor* executor = info->add_executors();
    executor->set_name("mock");
    executor->set_runtime("mock");
    executor->set_slots(16);
    executor->set_connected(true);
    return grpc::Status::OK;
  }

  grpc::Status Find(const std::string& run_id, v1::Run* run) {
    if (run_id != script_.run.run_id()) return {grpc::StatusCode::NOT_FOUND, "no run " + run_id};
    MutexLock lock(&mutex_);
    *run = script_.run;
    return grpc::Status::OK;
  }

  void AwaitEnd() {
    MutexLock lock(&asked_mutex_);
    while (!ending_) asked_changed_.Wait(&asked_mutex_);
  }

  void End() {
    MutexLock lock(&asked_mutex_);
    ending_ = true;
    asked_changed_.NotifyAll();
  }

  void AwaitAsked() {
    MutexLock lock(&asked_mutex_);
    while (!asked_) asked_changed_.Wait(&asked_mutex_);
  }

  Mutex asked_mutex_;
  CondVar asked_changed_;
  bool asked_ ODW_GUARDED_BY(asked_mutex_) = false;
  bool ending_ ODW_GUARDED_BY(asked_mutex_) = false;
  Mutex mutex_;
  FakeRun script_;
  std::vector<v1::SubmitRequest> submits ODW_GUARDED_BY(mutex_);
  std::vector<uint64_t> watched_after ODW_GUARDED_BY(mutex_);
  std::string stop_reason ODW_GUARDED_BY(mutex_);
  std::vector<std::string> calls ODW_GUARDED_BY(mutex_);
};

struct FakeControl::Server {
  std::unique_ptr<grpc::Server> server;
};

FakeControl::FakeControl(const std::string& socket_path, FakeRun script)
    : socket_path_(socket_path),
      service_(std::make_unique<Service>(std::move(script))),
      server_(std::make_unique<Server>()) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket_path, grpc::InsecureServerCredentials());
  builder.RegisterService(service_.get());
  server_->server = builder.BuildAndStart();
}

FakeControl::~FakeControl() {
  service_->End();
  server_->server->Shutdown();
}

void FakeControl::Wait() { server_->server->Wait(); }

std::vector<v1::SubmitRequest> FakeControl::submits() const {
  MutexLock lock(&service_->mutex_);
  return service_->submits;
}

std::vector<uint64_t> FakeControl::watched_after() const {
  MutexLock lock(&service_->mutex_);
  return service_->watched_after;
}

std::vector<std::string> FakeControl::calls() const {
  MutexLock lock(&service_->mutex_);
  return service_->calls;
}

std::string FakeControl::stop_reason() const {
  MutexLock lock(&service_->mutex_);
  return service_->stop_reason;
}

FakeRun PlainRun(v1::RunState state, int nodes) {
  FakeRun fake;
  fake.value_json = "{\"b\":1,\"a\":[1.50,\"x\"]}";
  v1::Run& run = fake.run;
  run.set_run_id(kRunId);
  run.set_name("sample");
  run.set_state(state);
  run.set_health(v1::OK);
  run.set_submitted_unix_ms(kStart);
  run.set_ended_unix_ms(state == v1::RUNNING ? 0 : kStart + 2000);
  run.mutable_nodes()->set_total(nodes);
  run.mutable_nodes()->set_done(nodes);
  uint64_t number = 0;
  const auto next = [&]() -> v1::WatchEvent& {
    v1::WatchEvent& event = fake.events.emplace_back();
    number += 3;  // numbers have gaps
    event.set_number(number);
    event.set_unix_ms(kStart + static_cast<int64_t>(number));
    return event;
  };
  next().mutable_run_started()->set_name("sample");
  for (int i = 1; i <= nodes; ++i) {
    for (const v1::NodeState node_state : {v1::NODE_RUNNING, v1::NODE_DONE}) {
      v1::NodeChanged& node = *next().mutable_node();
      node.set_ordinal(static_cast<uint64_t>(i));
      node.set_state(node_state);
      node.set_label("label " + std::to_string(i));
      node.set_phase("Work");
      node.set_runtime("mock");
      node.set_attempt(1);
    }
  }
  if (state != v1::RUNNING) next().mutable_run_ended()->set_state(state);
  return fake;
}

}  // namespace odw::client
