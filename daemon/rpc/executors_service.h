// The Executors service: hands each Attach stream to a reactor of its own. Called by gRPC's
// threads.
#pragma once

#include "daemon/core/core_inbox.h"
#include "daemon/rpc/auth.h"
#include "daemon/rpc/hub.h"
#include "odw/v1/executor.grpc.pb.h"

namespace odw::rpc {

class ExecutorsService final : public v1::Executors::CallbackService {
 public:
  ExecutorsService(const Auth* auth, Hub* hub, core::CoreInbox* inbox)
      : auth_(auth), hub_(hub), inbox_(inbox) {}

  grpc::ServerBidiReactor<v1::FromExecutor, v1::ToExecutor>* Attach(
      grpc::CallbackServerContext* context) override;

 private:
  const Auth* const auth_;
  Hub* const hub_;
  core::CoreInbox* const inbox_;
};

}  // namespace odw::rpc
