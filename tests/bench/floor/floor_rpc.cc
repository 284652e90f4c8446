// The floor of any call: a gRPC server that echoes, and two clients of it.
//   floor_rpc serve ADDRESS
//   floor_rpc unary ADDRESS N     N round trips on one warm connection; prints JSON
//   floor_rpc empty ADDRESS       one call and out: the empty gRPC client process
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "floor.grpc.pb.h"
#include "tests/bench/floor/timing.h"

namespace odw::bench {
namespace {

constexpr size_t kPayloadBytes = 200;

[[noreturn]] void Die(const std::string& what) {
  fprintf(stderr, "floor_rpc: %s\n", what.c_str());
  _exit(1);
}

class EchoService final : public Floor::CallbackService {
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const Packet* request,
                                 Packet* response) override {
    *response = *request;
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

void Serve(const std::string& address) {
  EchoService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) Die("cannot listen on " + address);
  puts("ready");
  fflush(stdout);
  server->Wait();
}

void Call(Floor::Stub* stub) {
  Packet request;
  Packet response;
  request.set_data(std::string(kPayloadBytes, 'x'));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  const grpc::Status status = stub->Echo(&context, request, &response);
  if (!status.ok()) Die(status.error_message());
}

std::unique_ptr<Floor::Stub> Connect(const std::string& address) {
  return Floor::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
}

void Unary(const std::string& address, int count) {
  const std::unique_ptr<Floor::Stub> stub = Connect(address);
  for (int i = 0; i < 100; ++i) Call(stub.get());  // warm
  std::vector<double> times;
  const Stopwatch all;
  for (int i = 0; i < count; ++i) {
    const Stopwatch one;
    Call(stub.get());
    times.push_back(one.Ms());
  }
  printf("{\"scenario\":\"unary\",\"n\":%d,\"ms\":%.2f,\"p50_ms\":%.4f,\"p99_ms\":%.4f}\n", count,
         all.Ms(), Percentile(times, 0.5), Percentile(times, 0.99));
}

}  // namespace
}  // namespace odw::bench

int main(int argc, char** argv) {
  const std::string_view role = argc > 2 ? argv[1] : "";
  if (role == "serve") return odw::bench::Serve(argv[2]), 0;
  if (role == "unary" && argc > 3) return odw::bench::Unary(argv[2], atoi(argv[3])), 0;
  if (role == "empty") return odw::bench::Call(odw::bench::Connect(argv[2]).get()), 0;
  fprintf(stderr, "usage: floor_rpc serve ADDRESS | unary ADDRESS N | empty ADDRESS\n");
  return 2;
}
