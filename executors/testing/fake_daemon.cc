#include "executors/testing/fake_daemon.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "odw/v1/executor.grpc.pb.h"

namespace odw::executors {
namespace {

using odw::v1::FromExecutor;
using odw::v1::ToExecutor;
using Stream = grpc::ServerReaderWriter<ToExecutor, FromExecutor>;

constexpr auto kWaitMax = std::chrono::seconds(30);
constexpr int kMessageBytesMax = 160 << 20;

}  // namespace

struct FakeDaemon::Impl {
  std::mutex mutex;
  std::condition_variable changed;
  std::mutex write_mutex;
  Stream* stream = nullptr;
  grpc::ServerContext* context = nullptr;
  uint64_t epoch = 0;
  bool ack_all = true;
  bool draining_seen = false;
  int heartbeats = 0;
  std::deque<odw::v1::Register> registers;
  std::map<std::string, odw::v1::Result> results;
  std::map<std::string, odw::v1::Lost> lost;
  std::map<std::string, odw::v1::Usage> usage_told;
  std::map<std::string, int> offers;
  std::vector<std::string> order;
  std::unique_ptr<Service> service;
  std::unique_ptr<grpc::Server> server;

  template <typename Ready>
  bool WaitFor(Ready ready) {
    std::unique_lock<std::mutex> lock(mutex);
    return changed.wait_for(lock, kWaitMax, ready);
  }
  void Write(const ToExecutor& message) {
    std::lock_guard<std::mutex> lock(write_mutex);
    Stream* to = nullptr;
    {
      std::lock_guard<std::mutex> inner(mutex);
      to = stream;
    }
    if (to != nullptr) to->Write(message);
  }
};

class FakeDaemon::Service : public odw::v1::Executors::Service {
 public:
  explicit Service(Impl* impl) : impl_(impl) {}

  grpc::Status Attach(grpc::ServerContext* context, Stream* stream) override {
    FromExecutor message;
    while (stream->Read(&message)) Handle(context, stream, message);
    std::lock_guard<std::mutex> write_lock(impl_->write_mutex);
    std::lock_guard<std::mutex> lock(impl_->mutex);
    if (impl_->stream == stream) {
      impl_->stream = nullptr;
      impl_->context = nullptr;
    }
    impl_->changed.notify_all();
    return grpc::Status::OK;
  }

 private:
  void Handle(grpc::ServerContext* context, Stream* stream, FromExecutor& message) {
    std::optional<ToExecutor> answer;
    {
      std::lock_guard<std::mutex> lock(impl_->mutex);
      switch (message.body_case()) {
        case FromExecutor::kRegister:
          impl_->stream = stream;
          impl_->context = context;
          impl_->epoch = message.register_().session_epoch();
          impl_->registers.push_back(message.register_());
          answer.emplace().mutable_welcome()->set_heartbeat_interval_ms(100);
          break;
        case FromExecutor::kResult: {
          const std::string token = message.result().token();
          ++impl_->offers[token];
          impl_->order.push_back(token);
          impl_->results[token] = std::move(*message.mutable_result());
          if (impl_->ack_all) answer.emplace().mutable_ack()->set_token(token);
          break;
        }
        case FromExecutor::kLost: {
          const std::string token = message.lost().token();
          impl_->lost[token] = message.lost();
          if (impl_->ack_all) answer.emplace().mutable_ack()->set_token(token);
          break;
        }
        case FromExecutor::kProgress:
          impl_->usage_told[message.progress().token()] = message.progress().usage_so_far();
          break;
        case FromExecutor::kHeartbeat: ++impl_->heartbeats; break;
        case FromExecutor::kDraining: impl_->draining_seen = true; break;
        default: break;
      }
      if (message.body_case() != FromExecutor::kRegister) impl_->changed.notify_all();
    }
    if (!answer) return;
    std::lock_guard<std::mutex> lock(impl_->write_mutex);
    stream->Write(*answer);
    impl_->changed.notify_all();
  }

  Impl* const impl_;
};

FakeDaemon::FakeDaemon(std::string socket_path)
    : socket_path_(std::move(socket_path)), impl_(std::make_unique<Impl>()) {}

FakeDaemon::~FakeDaemon() { Stop(); }

void FakeDaemon::Start() {
  impl_->service = std::make_unique<Service>(impl_.get());
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
  builder.RegisterService(impl_->service.get());
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  impl_->server = builder.BuildAndStart();
  ASSERT_NE(impl_->server, nullptr);
}

void FakeDaemon::Stop() {
  if (!impl_->server) return;
  impl_->server->Shutdown(std::chrono::system_clock::now());
  impl_->server->Wait();
  impl_->server.reset();
}

void FakeDaemon::AckAll(bool on) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  impl_->ack_all = on;
}

odw::v1::Register FakeDaemon::WaitRegister() {
  if (!impl_->WaitFor([&] { return !impl_->registers.empty(); })) {
    ADD_FAILURE() << "no executor attached";
    return {};
  }
  std::lock_guard<std::mutex> lock(impl_->mutex);
  odw::v1::Register reg = std::move(impl_->registers.front());
  impl_->registers.pop_front();
  return reg;
}

void FakeDaemon::Assign(const std::string& token, odw::v1::AgentRequest request, uint32_t attempt,
                        std::optional<uint64_t> epoch) {
  ToExecutor message;
  odw::v1::Assign* assign = message.mutable_assign();
  assign->set_token(token);
  assign->set_attempt(attempt);
  *assign->mutable_request() = std::move(request);
  {
    std::lock_guard<std::mutex> lock(impl_->mutex);
    assign->set_session_epoch(epoch.value_or(impl_->epoch));
  }
  impl_->Write(message);
}

void FakeDaemon::AssignResumed(const std::string& token, odw::v1::AgentRequest request,
                               const std::string& session) {
  ToExecutor message;
  odw::v1::Assign* assign = message.mutable_assign();
  assign->set_token(token);
  assign->set_attempt(2);
  *assign->mutable_request() = std::move(request);
  assign->set_resume_session(session);
  {
    std::lock_guard<std::mutex> lock(impl_->mutex);
    assign->set_session_epoch(impl_->epoch);
  }
  impl_->Write(message);
}

void FakeDaemon::Cancel(const std::string& token) {
  ToExecutor message;
  message.mutable_cancel()->set_token(token);
  message.mutable_cancel()->set_reason("the test said so");
  impl_->Write(message);
}

void FakeDaemon::Ack(const std::string& token) {
  ToExecutor message;
  message.mutable_ack()->set_token(token);
  impl_->Write(message);
}

void FakeDaemon::Drain() {
  ToExecutor message;
  message.mutable_drain();
  impl_->Write(message);
}

void FakeDaemon::BreakStream() {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  if (impl_->context != nullptr) impl_->context->TryCancel();
}

odw::v1::Result FakeDaemon::WaitResult(const std::string& token) {
  if (!impl_->WaitFor([&] { return impl_->results.count(token) > 0; })) {
    ADD_FAILURE() << "no result of " << token;
    return {};
  }
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->results[token];
}

odw::v1::Lost FakeDaemon::WaitLost(const std::string& token) {
  if (!impl_->WaitFor([&] { return impl_->lost.count(token) > 0; })) {
    ADD_FAILURE() << "no loss of " << token;
    return {};
  }
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->lost[token];
}

void FakeDaemon::WaitResults(size_t count) {
  EXPECT_TRUE(impl_->WaitFor([&] { return impl_->results.size() >= count; }))
      << "only " << impl_->results.size() << " results of " << count;
}

void FakeDaemon::WaitDraining() {
  EXPECT_TRUE(impl_->WaitFor([&] { return impl_->draining_seen; }));
}

void FakeDaemon::WaitDetached() {
  EXPECT_TRUE(impl_->WaitFor([&] { return impl_->stream == nullptr; }));
}

int FakeDaemon::Offers(const std::string& token) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->offers[token];
}

std::vector<std::string> FakeDaemon::ResultOrder() {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->order;
}

odw::v1::Usage FakeDaemon::UsageTold(const std::string& token) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->usage_told[token];
}

int FakeDaemon::Heartbeats() {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->heartbeats;
}

odw::v1::AgentRequest Prompt(const std::string& prompt) {
  odw::v1::AgentRequest request;
  request.set_prompt(prompt);
  return request;
}

odw::v1::AgentRequest Command(const std::string& command, const std::vector<std::string>& args) {
  odw::v1::AgentRequest request;
  request.set_prompt("test");
  request.set_runtime("command");
  request.set_command(command);
  for (const std::string& arg : args) request.add_args(arg);
  return request;
}

}  // namespace odw::executors
