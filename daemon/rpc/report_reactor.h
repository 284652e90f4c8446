// One Report call: a page that was rendered once, written in chunks at the client's pace. Deletes
// itself.
//
// Threads: Begin by one, usually of the read pool; the rest is called by gRPC.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <string>
#include <utility>

#include "daemon/rpc/activity.h"
#include "daemon/rpc/status_convert.h"
#include "odw/v1/control.pb.h"

namespace odw::rpc {

inline constexpr size_t kReportChunkBytes = 256u << 10;

class ReportReactor final : public grpc::ServerWriteReactor<v1::ReportChunk> {
 public:
  explicit ReportReactor(Activity* activity) : scope_(activity) {}

  // Once: starts writing the page, or ends the call with the error.
  void Begin(absl::StatusOr<std::string> page) {
    if (!page.ok()) return Finish(ToGrpc(page.status()));
    page_ = *std::move(page);
    WriteNext();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(ToGrpc(absl::CancelledError("the client has gone")));
    WriteNext();
  }
  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (sent_ >= page_.size()) return Finish(grpc::Status::OK);
    const size_t size = std::min(kReportChunkBytes, page_.size() - sent_);
    chunk_.set_html(page_.data() + sent_, size);
    sent_ += size;
    StartWrite(&chunk_);
  }

  const ActivityScope scope_;
  std::string page_;
  size_t sent_ = 0;
  v1::ReportChunk chunk_;
};

}  // namespace odw::rpc
