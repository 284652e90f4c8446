#include "daemon/rpc/status_convert.h"

namespace odw::rpc {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message = MessageOf(status);
  if (message.size() > kStatusMessageBytesMax) {
    size_t end = kStatusMessageBytesMax;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
    message.resize(end);
    message += "...";
  }
  // The two sets of codes have the same numbers.
  return grpc::Status(static_cast<grpc::StatusCode>(static_cast<int>(status.code())), message);
}

}  // namespace odw::rpc
