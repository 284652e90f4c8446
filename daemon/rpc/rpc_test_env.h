// For the tests of this folder: a real server on a unix socket over a real RocksDB journal, with a
// core that does what little a test needs.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/ids.h"
#include "daemon/base/mutex.h"
#include "daemon/journal/rocks_journal.h"
#include "daemon/rpc/server.h"
#include "odw/v1/control.grpc.pb.h"
#include "odw/v1/executor.grpc.pb.h"

namespace odw::rpc {

// Accepts every Submit at once, commits it and replies; remembers what executors say.
class FakeCore : public core::CoreInbox {
 public:
  explicit FakeCore(journal::Journal* journal) : journal_(journal) {}

  bool TryPost(core::Input input) override {
    if (full) return false;
    Post(std::move(input));
    return true;
  }

  void Post(core::Input input) override {
    if (auto* submit = std::get_if<core::Submit>(&input)) {
      if (!silent) OnSubmit(*submit);
    } else if (auto* stop = std::get_if<core::StopRun>(&input)) {
      OnStop(*stop);
    }
    if (on_input) on_input(input);
    MutexLock lock(&mutex_);
    inputs_.push_back(std::move(input));
    changed_.NotifyAll();
  }

  // Appends and tells the outbox, as the loop does after a commit.
  void Commit(const std::string& run_id, const std::vector<v1::Event>& events,
              v1::RunState state = v1::RUNNING) {
    journal::Group group;
    absl::StatusOr<v1::RunSummary> summary = journal_->ReadSummary(run_id);
    uint64_t seq = summary.ok() ? summary->last_event() : 0;
    for (const v1::Event& event : events) {
      group.events.push_back({.run_id = run_id, .seq = ++seq, .bytes = event.SerializeAsString()});
    }
    v1::RunSummary next = summary.ok() ? *summary : next_summary;
    next.set_run_id(run_id);
    next.set_state(state);
    next.set_last_event(seq);
    if (state != v1::RUNNING) *next.mutable_result() = result;
    group.summaries.push_back(next);
    group.blobs = std::move(blobs);
    ASSERT_TRUE(journal_->Append(group).ok());
    outbox->OnCommitted({{run_id, seq}});
    if (state != v1::RUNNING) outbox->OnRunEnded(run_id);
  }

  void CommitLine(const std::string& run_id, const std::string& text) {
    v1::Event event;
    event.mutable_line()->set_text(text);
    Commit(run_id, {event});
  }

  void CommitEnd(const std::string& run_id, v1::RunState state = v1::COMPLETED) {
    v1::Event event;
    event.mutable_ended()->set_state(state);
    Commit(run_id, {event}, state);
  }

  // Waits until `count` inputs of type T came; the last of them.
  template <typename T>
  T WaitFor(size_t count = 1) {
    MutexLock lock(&mutex_);
    for (;;) {
      size_t seen = 0;
      for (const core::Input& input : inputs_) {
        if (!std::holds_alternative<T>(input)) continue;
        if (++seen == count) return std::get<T>(input);
      }
      changed_.Wait(&mutex_);
    }
  }

  Outbox* outbox = nullptr;
  bool full = false;
  bool silent = false;
  std::function<void(const core::Input&)> on_input;
  v1::RunSummary next_summary;
  v1::Blob result;
  std::vector<journal::BlobWrite> blobs;

 private:
  void OnSubmit(const core::Submit& submit) {
    core::Reply reply{.request = submit.request, .run_id = submit.header.run_id()};
    if (submit.holder_of_key) {
      reply.run_id = submit.holder_of_key->run_id();
      reply.existing = true;
      return outbox->CompleteReply(reply);
    }
    next_summary = v1::RunSummary();
    next_summary.set_owner(submit.header.owner());
    next_summary.set_name(submit.header.name());
    next_summary.set_idempotency_key(submit.header.idempotency_key());
    next_summary.set_submitted_unix_ms(++submitted_);
    v1::Event event;
    *event.mutable_submitted() = submit.header;
    Commit(submit.header.run_id(), {event});
    outbox->CompleteReply(reply);
  }

  void OnStop(const core::StopRun& stop) {
    absl::StatusOr<v1::RunSummary> summary = journal_->ReadSummary(stop.run_id);
    core::Reply reply{.request = stop.request, .status = summary.status(), .run_id = stop.run_id};
    if (summary.ok() && summary->state() != v1::RUNNING) {
      reply.status = absl::FailedPreconditionError("the run has ended");
    } else if (summary.ok()) {
      CommitEnd(stop.run_id, v1::KILLED);
    }
    outbox->CompleteReply(reply);
  }

  journal::Journal* const journal_;
  int64_t submitted_ = 0;
  Mutex mutex_;
  CondVar changed_;
  std::vector<core::Input> inputs_ ODW_GUARDED_BY(mutex_);
};

class FakeLoader : public model::ScriptLoader {
 public:
  void Load(v1::script::LoadRequest request,
            std::function<void(absl::StatusOr<v1::script::LoadReply>)> done) override {
    last = std::move(request);
    done(reply);
  }
  v1::script::LoadRequest last;
  absl::StatusOr<v1::script::LoadReply> reply;
};

class RpcTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("odw_rpc_" + RandomHex(6));
    std::filesystem::create_directory(folder_);
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    auto journal = journal::RocksJournal::Open(folder_ + "/journal");
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
    v1::script::LoadReply reply;
    reply.set_ok(true);
    reply.set_name("survey");
    reply.set_dialect(v1::BUILTIN);
    loader_.reply = reply;
    StartServer({"unix:" + folder_ + "/odwd.sock"});
  }

  void TearDown() override {
    StopServer();
    journal_.reset();
    std::filesystem::remove_all(folder_);
  }

  void StartServer(std::vector<std::string> listen) {
    core_ = std::make_unique<FakeCore>(journal_.get());
    server_ = std::make_unique<Server>(
        ServerOptions{.listen = std::move(listen),
                      .data_dir = folder_,
                      .token_file = folder_ + "/token",
                      .limits = limits_,
                      .default_runtime = "mock",
                      .watch_pace = watch_pace_},
        ServerDeps{.inbox = core_.get(),
                   .journal = journal_.get(),
                   .loader = &loader_,
                   .render_report = [](const std::string& run_id) -> absl::StatusOr<std::string> {
                     return "<html>" + run_id + std::string(kReportSize, 'x') + "</html>";
                   },
                   .fill_info = [](v1::Info* info) { info->set_open_runs(7); },
                   .versions = [] { return v1::Versions(); }});
    core_->outbox = server_->outbox();
    const absl::Status started = server_->Start();
    ASSERT_TRUE(started.ok()) << started;
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
    channel_ = grpc::CreateCustomChannel(server_->addresses()[0],
                                         grpc::InsecureChannelCredentials(), arguments);
    control_ = v1::Control::NewStub(channel_);
    executors_ = v1::Executors::NewStub(channel_);
  }

  void StopServer() {
    if (server_ == nullptr) return;
    control_.reset();
    executors_.reset();
    channel_.reset();
    server_->Shutdown(absl::Seconds(5));
    server_.reset();
  }

  std::string Submit(const std::string& key = "") {
    grpc::ClientContext context;
    v1::SubmitRequest request;
    v1::SubmitResponse response;
    request.set_script("return 1");
    request.set_idempotency_key(key);
    const grpc::Status status = control_->Submit(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.run_id();
  }

  static constexpr size_t kReportSize = 1000000;
  std::string folder_;
  config::Limits limits_;
  absl::Duration watch_pace_ = ServerOptions().watch_pace;
  std::unique_ptr<journal::RocksJournal> journal_;
  FakeLoader loader_;
  std::unique_ptr<FakeCore> core_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Control::Stub> control_;
  std::unique_ptr<v1::Executors::Stub> executors_;
};

}  // namespace odw::rpc
