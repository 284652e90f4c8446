#include "client/connection/control_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "odw/v1/control.grpc.pb.h"

namespace odw::client {
namespace {

// A result has 64 MiB at most; the rest is the run's summary.
constexpr int kMessageBytesMax = 80 << 20;
constexpr auto kCallTimeout = std::chrono::seconds(60);
constexpr auto kRepositoryTimeout = std::chrono::minutes(10);
constexpr int kReconnectBackoffMs = 20;
constexpr int kReconnectBackoffMaxMs = 500;
// How long one attempt to connect may take on a busy machine: gRPC reads it from
// MIN_RECONNECT_BACKOFF.
constexpr int kConnectTimeoutMs = 10000;

// gRPC's own words begin "failed to connect to all addresses; last error: UNKNOWN: unix:/x: why".
absl::Status NobodyThere(const std::string& target, const std::string& said) {
  const std::string unix_path = target.rfind("unix:", 0) == 0 ? target.substr(5) : "";
  const std::string& address = unix_path.empty() ? target : unix_path;
  const size_t at = said.find(address);
  const size_t why = at == std::string::npos ? at : at + address.size();
  return absl::UnavailableError("no daemon answers at " + target + ": failed to connect" +
                                (why == std::string::npos ? "" : said.substr(why)));
}

absl::Status FromGrpc(const grpc::Status& status, const std::string& target) {
  if (status.ok()) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      status.error_message().rfind("failed to connect to all addresses", 0) == 0) {
    return NobodyThere(target, status.error_message());
  }
  // The two enumerations have the same numbers by design.
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::shared_ptr<grpc::Channel> Dial(const Endpoint& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectBackoffMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectBackoffMaxMs);
  // Nothing asks a name server or a proxy for an address on this machine.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return grpc::CreateCustomChannel(endpoint.target, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

struct ControlClient::Stubs {
  explicit Stubs(const Endpoint& endpoint)
      : target(endpoint.target), channel(Dial(endpoint)), stub(channel), token(endpoint.token) {}

  void Prepare(grpc::ClientContext* context) const {
    if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
  }

  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Call(Method method, const Request& request,
                                std::chrono::seconds timeout = kCallTimeout) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    return CallIn<Response>(&context, method, request);
  }

  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> CallIn(grpc::ClientContext* context, Method method,
                                  const Request& request) {
    Prepare(context);
    Response response;
    const absl::Status status = FromGrpc((stub.*method)(context, request, &response), target);
    if (!status.ok()) return status;
    return response;
  }

  const std::string target;
  std::shared_ptr<grpc::Channel> channel;
  v1::Control::Stub stub;
  const std::string token;
};

ControlClient::ControlClient(const Endpoint& endpoint)
    : stubs_(std::make_unique<Stubs>(endpoint)) {}
ControlClient::~ControlClient() = default;

absl::StatusOr<v1::SubmitResponse> ControlClient::Submit(const v1::SubmitRequest& request) {
  return stubs_->Call<v1::SubmitResponse>(&v1::Control::Stub::Submit, request);
}

absl::StatusOr<v1::Run> ControlClient::GetRun(const v1::GetRunRequest& request) {
  return stubs_->Call<v1::Run>(&v1::Control::Stub::GetRun, request);
}

absl::StatusOr<v1::ListRunsResponse> ControlClient::ListRuns(const v1::ListRunsRequest& request) {
  return stubs_->Call<v1::ListRunsResponse>(&v1::Control::Stub::ListRuns, request);
}

absl::StatusOr<v1::GetResultResponse> ControlClient::GetResult(
    const v1::GetResultRequest& request) {
  if (!request.wait()) {
    return stubs_->Call<v1::GetResultResponse>(&v1::Control::Stub::GetResult, request);
  }
  grpc::ClientContext context;
  return stubs_->CallIn<v1::GetResultResponse>(&context, &v1::Control::Stub::GetResult, request);
}

absl::StatusOr<v1::StopResponse> ControlClient::Stop(const v1::StopRequest& request) {
  return stubs_->Call<v1::StopResponse>(&v1::Control::Stub::Stop, request);
}

absl::StatusOr<v1::RunReply> ControlClient::Pause(const v1::PauseRequest& request) {
  return stubs_->Call<v1::RunReply>(&v1::Control::Stub::Pause, request);
}

absl::StatusOr<v1::RunReply> ControlClient::Unpause(const v1::UnpauseRequest& request) {
  return stubs_->Call<v1::RunReply>(&v1::Control::Stub::Unpause, request);
}

absl::StatusOr<v1::RunReply> ControlClient::Skip(const v1::NodeRequest& request) {
  return stubs_->Call<v1::RunReply>(&v1::Control::Stub::Skip, request);
}

absl::StatusOr<v1::RunReply> ControlClient::Restart(const v1::NodeRequest& request) {
  return stubs_->Call<v1::RunReply>(&v1::Control::Stub::Restart, request);
}

absl::StatusOr<v1::SubmitResponse> ControlClient::Resume(const v1::ResumeRequest& request) {
  return stubs_->Call<v1::SubmitResponse>(&v1::Control::Stub::Resume, request);
}

absl::StatusOr<v1::ExplainResponse> ControlClient::Explain(const v1::NodeRequest& request) {
  return stubs_->Call<v1::ExplainResponse>(&v1::Control::Stub::Explain, request);
}

absl::StatusOr<v1::DeleteResponse> ControlClient::Delete(const v1::DeleteRequest& request) {
  return stubs_->Call<v1::DeleteResponse>(&v1::Control::Stub::Delete, request);
}

absl::StatusOr<v1::CheckResponse> ControlClient::Check(const v1::CheckRequest& request) {
  return stubs_->Call<v1::CheckResponse>(&v1::Control::Stub::Check, request);
}

absl::StatusOr<v1::ListWorkflowsResponse> ControlClient::ListWorkflows(
    const v1::ListWorkflowsRequest& request) {
  return stubs_->Call<v1::ListWorkflowsResponse>(&v1::Control::Stub::ListWorkflows, request);
}

absl::StatusOr<v1::GetSourceResponse> ControlClient::GetSource(
    const v1::GetSourceRequest& request) {
  return stubs_->Call<v1::GetSourceResponse>(&v1::Control::Stub::GetSource, request);
}

absl::StatusOr<v1::RepositoryResponse> ControlClient::Repository(
    const v1::RepositoryRequest& request) {
  return stubs_->Call<v1::RepositoryResponse>(&v1::Control::Stub::Repository, request,
                                              kRepositoryTimeout);
}

absl::StatusOr<v1::Info> ControlClient::GetInfo() {
  return stubs_->Call<v1::Info>(&v1::Control::Stub::GetInfo, v1::GetInfoRequest());
}

absl::Status ControlClient::Watch(const v1::WatchRequest& request,
                                  const std::function<Watching(const v1::WatchEvent&)>& on_event) {
  grpc::ClientContext context;
  stubs_->Prepare(&context);
  const auto reader = stubs_->stub.Watch(&context, request);
  v1::WatchEvent event;
  while (reader->Read(&event)) {
    if (on_event(event) == Watching::kGoOn) continue;
    context.TryCancel();
    reader->Finish();
    return absl::OkStatus();
  }
  return FromGrpc(reader->Finish(), stubs_->target);
}

absl::Status ControlClient::Report(
    const v1::ReportRequest& request,
    const std::function<absl::Status(const std::string&)>& on_chunk) {
  grpc::ClientContext context;
  stubs_->Prepare(&context);
  const auto reader = stubs_->stub.Report(&context, request);
  v1::ReportChunk chunk;
  while (reader->Read(&chunk)) {
    const absl::Status status = on_chunk(chunk.html());
    if (status.ok()) continue;
    context.TryCancel();
    reader->Finish();
    return status;
  }
  return FromGrpc(reader->Finish(), stubs_->target);
}

}  // namespace odw::client
