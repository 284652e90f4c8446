// One unary call that is answered later, perhaps by another thread. Deletes itself when gRPC is
// done with it.
//
// Threads: Answer by any, once. The request and the response live until then.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <utility>

#include "daemon/rpc/activity.h"
#include "daemon/rpc/status_convert.h"

namespace odw::rpc {

class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  explicit UnaryCall(Activity* activity) : scope_(activity) {}

  void Answer(const absl::Status& status) { Finish(ToGrpc(status)); }

  // `cancelled` is called once if the client goes away; it answers the call only if nobody else
  // will. REQUIRES: called before the service's method returns, for the call cannot end before
  // that.
  void OnClientGone(std::function<void()> cancelled) { cancelled_ = std::move(cancelled); }

 private:
  void OnCancel() override {
    if (cancelled_) cancelled_();
  }
  void OnDone() override { delete this; }

  const ActivityScope scope_;
  std::function<void()> cancelled_;
};

}  // namespace odw::rpc
