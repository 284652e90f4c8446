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
#include "daemon/model/value.h"
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
    } else {
      AnswerCommand(input);
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
  // What pause, unpause, skip and restart are answered with.
  absl::Status command_answer;
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
    *event.mutable_submitted()->mutable_source() = Keep(submit.header.run_id(), submit.source);
    if (submit.args_json) {
      *event.mutable_submitted()->mutable_args_json() =
          Keep(submit.header.run_id(), *submit.args_json);
    }
    Commit(submit.header.run_id(), {event});
    outbox->CompleteReply(reply);
  }

  void AnswerCommand(const core::Input& input) {
    const core::RequestId request = std::visit(
        [](const auto& in) -> core::RequestId {
          if constexpr (requires { in.request; }) return in.request;
          return 0;
        },
        input);
    if (request != 0) outbox->CompleteReply({.request = request, .status = command_answer});
  }

  // As the core does: what is not inline goes to the run's blobs.
  v1::Blob Keep(const std::string& run_id, const std::string& bytes) {
    const model::Value value = model::MakeValue(bytes);
    if (!value.is_inline()) blobs.push_back({run_id, value.ref.sha256(), value.bytes});
    return value.ref;
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

// Knows one workflow, "saved", and one agent file.
class FakeRegistry : public model::WorkflowRegistry {
 public:
  void Find(model::WorkflowQuery query,
            std::function<void(absl::StatusOr<model::FoundWorkflow>)> done) override {
    if (query.name != "saved") return done(absl::NotFoundError("no workflow with that name"));
    done(model::FoundWorkflow{
        .name = "saved", .source = "return 'saved'", .path = query.cwd + "/flows/saved.js"});
  }
  void List(std::string cwd,
            std::function<void(absl::StatusOr<v1::ListWorkflowsResponse>)> done) override {
    v1::ListWorkflowsResponse response;
    response.add_workflows()->set_path(cwd + "/flows/saved.js");
    done(response);
  }
  model::Surroundings Survey(const std::string&) override {
    model::Surroundings around{.base_commit = base_commit, .warnings = {"bad.md is left out"}};
    around.agents.emplace_back().set_name("reviewer");
    return around;
  }
  std::string base_commit = "c0ffee";
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
                      .secrets = secrets_,
                      .watch_pace = watch_pace_},
        ServerDeps{.inbox = core_.get(),
                   .journal = journal_.get(),
                   .loader = &loader_,
                   .registry = &registry_,
                   .render_report = [](const std::string& run_id) -> absl::StatusOr<std::string> {
                     return "<html>" + run_id + std::string(kReportSize, 'x') + "</html>";
                   },
                   .fill_info = [](v1::Info* info) { info->set_open_runs(7); },
                   .versions = [] { return v1::Versions(); },
                   .read_reusable = [](const std::string& run_id) {
                     return std::make_shared<const core::ReuseTable>(
                         core::ReuseTable{.run_id = run_id});
                   },
                   .delete_run =
                       [this](const v1::RunSummary& run, std::function<void(absl::Status)> done) {
                         done(journal_->DeleteRun(run.run_id()));
                       },
                   .advance = [](absl::Duration by,
                                 std::function<void(absl::StatusOr<absl::Time>)> done) {
                     done(absl::UnixEpoch() + by);
                   }});
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
  config::SecretsRule secrets_ = config::SecretsRule::kRefuse;
  FakeLoader loader_;
  FakeRegistry registry_;
  std::unique_ptr<FakeCore> core_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Control::Stub> control_;
  std::unique_ptr<v1::Executors::Stub> executors_;
};

}  // namespace odw::rpc
