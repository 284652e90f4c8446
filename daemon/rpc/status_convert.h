// absl::Status to grpc::Status: the one place where they meet. Thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include "daemon/base/status.h"

namespace odw::rpc {

// Messages are cut at kStatusMessageBytesMax, for they travel in HTTP/2 trailers.
inline constexpr size_t kStatusMessageBytesMax = 4096;

grpc::Status ToGrpc(const absl::Status& status);

}  // namespace odw::rpc
