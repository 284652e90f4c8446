#include "daemon/rpc/test_clock_service.h"

#include "daemon/rpc/unary_call.h"

namespace odw::rpc {
namespace {

// Far more than any test waits, and far from the end of absl::Time.
constexpr int64_t kAdvanceMsMax = int64_t{10} * 365 * 24 * 3600 * 1000;

}  // namespace

grpc::ServerUnaryReactor* TestClockService::Advance(grpc::CallbackServerContext* context,
                                                    const v1::AdvanceRequest* request,
                                                    v1::AdvanceResponse* response) {
  auto* call = new UnaryCall(activity_);
  absl::Status status = auth_->Check(*context).status();
  if (status.ok() && (request->by_ms() < 0 || request->by_ms() > kAdvanceMsMax)) {
    status = absl::InvalidArgumentError("by_ms must be from 0 to " + std::to_string(kAdvanceMsMax) +
                                        ": time does not go back");
  }
  if (status.ok() && !advance_) {
    status = absl::FailedPreconditionError("this odwd has no clock that can be turned");
  }
  if (!status.ok()) {
    call->Answer(status);
    return call;
  }
  advance_(absl::Milliseconds(request->by_ms()), [call, response](absl::StatusOr<absl::Time> now) {
    if (now.ok()) response->set_now_unix_ms(absl::ToUnixMillis(*now));
    call->Answer(now.status());
  });
  return call;
}

}  // namespace odw::rpc
