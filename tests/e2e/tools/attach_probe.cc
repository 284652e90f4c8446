// An executor of another protocol version, as far as the daemon's answer: prints it.
//   attach_probe ADDRESS VERSION
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>

#include "odw/v1/executor.grpc.pb.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  grpc::ClientContext context;
  const auto stub = odw::v1::Executors::NewStub(
      grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  const auto stream = stub->Attach(&context);
  odw::v1::FromExecutor hello;
  hello.mutable_register_()->set_protocol_version(static_cast<uint32_t>(strtoul(argv[2], nullptr, 10)));
  hello.mutable_register_()->set_executor_id("probe");
  hello.mutable_register_()->set_runtime("mock");
  hello.mutable_register_()->set_slots(1);
  hello.mutable_register_()->set_session_epoch(1);
  stream->Write(hello);
  odw::v1::ToExecutor answer;
  if (stream->Read(&answer)) {
    puts("accepted");
    return 0;
  }
  const grpc::Status status = stream->Finish();
  printf("refused: %d %s\n", static_cast<int>(status.error_code()), status.error_message().c_str());
  return 0;
}
