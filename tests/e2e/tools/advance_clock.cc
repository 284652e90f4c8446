// Turns the clock of an odwd that runs with --clock=manual.
//   advance_clock ADDRESS MILLISECONDS   prints the time that it is there now, in ms since 1970
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>

#include "odw/v1/test_clock.grpc.pb.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: advance_clock ADDRESS MILLISECONDS\n");
    return 2;
  }
  const auto stub =
      odw::v1::TestClock::NewStub(grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  odw::v1::AdvanceRequest request;
  request.set_by_ms(strtoll(argv[2], nullptr, 10));
  odw::v1::AdvanceResponse response;
  const grpc::Status status = stub->Advance(&context, request, &response);
  if (!status.ok()) {
    fprintf(stderr, "advance_clock: %s\n", status.error_message().c_str());
    return 1;
  }
  printf("%lld\n", static_cast<long long>(response.now_unix_ms()));
  return 0;
}
