#include "daemon/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "daemon/base/check.h"
#include "daemon/rpc/activity.h"
#include "daemon/rpc/auth.h"
#include "daemon/rpc/control_service.h"
#include "daemon/rpc/executors_service.h"
#include "daemon/rpc/hub.h"
#include "daemon/rpc/listen.h"
#include "daemon/rpc/read_pool.h"
#ifdef ODW_TEST_CLOCK
#include "daemon/rpc/test_clock_service.h"
#endif

namespace odw::rpc {
namespace {

// A TCP peer that vanished is noticed after this long; unix sockets tell at once.
constexpr int kKeepaliveMs = 30000;
constexpr int kKeepaliveTimeoutMs = 10000;
constexpr int kClientPingIntervalLeastMs = 5000;

void Configure(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMessageBytesMax);
  builder->SetMaxSendMessageSize(kMessageBytesMax);
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kClientPingIntervalLeastMs);
  // Reflection is served synchronously; one thread is enough for it.
  builder->SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
}

std::string WithPort(const std::string& address, int port) {
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, ServerDeps deps)
      : options_(std::move(options)), deps_(std::move(deps)) {}
  ~Impl() { Shutdown(absl::ZeroDuration()); }

  absl::Status Start();
  void Shutdown(absl::Duration deadline);

  Hub hub;
  Activity activity;
  std::vector<std::string> addresses;

 private:
  absl::Status MakeAuth();
  absl::Status Listen();

  const ServerOptions options_;
  const ServerDeps deps_;
  std::unique_ptr<Auth> auth_;
  std::unique_ptr<ReadPool> pool_;
  std::unique_ptr<ControlService> control_;
  std::unique_ptr<ExecutorsService> executors_;
#ifdef ODW_TEST_CLOCK
  std::unique_ptr<TestClockService> test_clock_;
#endif
  std::unique_ptr<grpc::Server> server_;
};

absl::Status Server::Impl::MakeAuth() {
  std::string token;
  for (const std::string& address : options_.listen) {
    if (!UnixPathOf(address).empty() || !token.empty()) continue;
    ODW_ASSIGN_OR_RETURN(token, LoadOrMakeToken(options_.token_file));
  }
  auth_ = std::make_unique<Auth>(OwnUserName(), token);
  return absl::OkStatus();
}

absl::Status Server::Impl::Listen() {
  for (const std::string& address : options_.listen) {
    const std::string path = UnixPathOf(address);
    if (!path.empty()) ODW_RETURN_IF_ERROR(PrepareUnixSocket(path));
  }
  grpc::ServerBuilder builder;
  Configure(&builder);
  std::vector<int> ports(options_.listen.size(), 0);
  for (size_t i = 0; i < options_.listen.size(); ++i) {
    builder.AddListeningPort(options_.listen[i], grpc::InsecureServerCredentials(), &ports[i]);
  }
  builder.RegisterService(control_.get());
  builder.RegisterService(executors_.get());
#ifdef ODW_TEST_CLOCK
  test_clock_ = std::make_unique<TestClockService>(deps_, auth_.get(), &activity);
  builder.RegisterService(test_clock_.get());
#endif
  server_ = builder.BuildAndStart();
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& address = options_.listen[i];
    if (server_ == nullptr || ports[i] == 0) {
      return absl::UnavailableError("cannot listen on " + address +
                                    ": is it in use, or may this user not bind it?");
    }
    const std::string path = UnixPathOf(address);
    if (!path.empty()) ODW_RETURN_IF_ERROR(ProtectUnixSocket(path));
    addresses.push_back(path.empty() ? WithPort(address, ports[i]) : address);
  }
  return absl::OkStatus();
}

absl::Status Server::Impl::Start() {
  ODW_CHECK(server_ == nullptr && deps_.inbox != nullptr && deps_.journal != nullptr &&
            deps_.loader != nullptr);
  ODW_RETURN_IF_ERROR(MakeAuth());
  // Debian's abseil looks for lock cycles at each of gRPC's locks: a debugging aid.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Both are process-wide in gRPC and must come before the first builder.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  pool_ = std::make_unique<ReadPool>(options_.watch_pace);
  control_ =
      std::make_unique<ControlService>(options_, deps_, auth_.get(), &hub, pool_.get(), &activity);
  executors_ = std::make_unique<ExecutorsService>(auth_.get(), &hub, deps_.inbox);
  const absl::Status status = Listen();
  if (!status.ok() && server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  return status;
}

void Server::Impl::Shutdown(absl::Duration deadline) {
  if (server_ == nullptr) return;
  hub.EndAll();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + deadline));
  server_->Wait();
  server_.reset();
  pool_.reset();  // after the last call: its tasks answer calls
  for (const std::string& address : addresses) {
    const std::string path = UnixPathOf(address);
    if (!path.empty()) unlink(path.c_str());
  }
}

Server::Server(ServerOptions options, ServerDeps deps)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(deps))) {}
Server::~Server() = default;

absl::Status Server::Start() { return impl_->Start(); }
void Server::Shutdown(absl::Duration deadline) { impl_->Shutdown(deadline); }
Outbox* Server::outbox() { return &impl_->hub; }
std::vector<std::string> Server::addresses() const { return impl_->addresses; }
ClientActivity Server::activity() const {
  return {.active_calls = impl_->activity.active(), .last_call = impl_->activity.last()};
}

}  // namespace odw::rpc
