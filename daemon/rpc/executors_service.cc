#include "daemon/rpc/executors_service.h"

#include "daemon/rpc/attach_reactor.h"

namespace odw::rpc {

grpc::ServerBidiReactor<v1::FromExecutor, v1::ToExecutor>* ExecutorsService::Attach(
    grpc::CallbackServerContext* context) {
  const auto reactor = std::make_shared<AttachReactor>(hub_, inbox_);
  const absl::StatusOr<std::string> owner = auth_->Check(*context);
  if (owner.ok()) {
    reactor->Start();
  } else {
    reactor->Refuse(owner.status());
  }
  return reactor.get();  // holds itself until gRPC is done with it
}

}  // namespace odw::rpc
