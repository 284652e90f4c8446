// The TestClock service: turns the clock of an odwd that was started with --clock=manual. Compiled in
// with -DODW_TEST_CLOCK alone.
//
// Threads: called by gRPC's threads.
#pragma once

#include "daemon/rpc/activity.h"
#include "daemon/rpc/auth.h"
#include "daemon/rpc/server.h"
#include "odw/v1/test_clock.grpc.pb.h"

namespace odw::rpc {

class TestClockService final : public v1::TestClock::CallbackService {
 public:
  TestClockService(const ServerDeps& deps, const Auth* auth, Activity* activity)
      : advance_(deps.advance), auth_(auth), activity_(activity) {}

  grpc::ServerUnaryReactor* Advance(grpc::CallbackServerContext* context,
                                    const v1::AdvanceRequest* request,
                                    v1::AdvanceResponse* response) override;

 private:
  const AdvanceClock advance_;
  const Auth* const auth_;
  Activity* const activity_;
};

}  // namespace odw::rpc
