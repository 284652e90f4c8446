#include "daemon/hosts/script_host.h"

#include <errno.h>
#include <sys/socket.h>

namespace odw::hosts {
namespace {

// Encoded ahead of the socket at most; a larger value goes alone.
constexpr size_t kEncodedBytesMax = 1 << 20;

absl::StatusOr<std::string> BytesOf(const model::Value& value, const std::string& run_id,
                                    const ReadValue& read_value) {
  if (value.is_inline()) return value.ref.inline_();
  if (value.bytes) return *value.bytes;
  return read_value(run_id, value.ref);
}

}  // namespace

absl::Status ScriptHost::Encode(const ReadValue& read_value) {
  while (!pending_.empty() && out_.size() - out_start_ < kEncodedBytesMax) {
    PendingFrame& next = pending_.front();
    if (next.fill != PendingFrame::Fill::kNone) {
      ODW_ASSIGN_OR_RETURN(std::string bytes, BytesOf(next.value, run_id, read_value));
      switch (next.fill) {
        case PendingFrame::Fill::kSource: next.frame.mutable_start()->set_source(std::move(bytes)); break;
        case PendingFrame::Fill::kSettleJson:
          next.frame.mutable_settle()->set_value_json(std::move(bytes));
          break;
        case PendingFrame::Fill::kSettleText: next.frame.mutable_settle()->set_text(std::move(bytes)); break;
        case PendingFrame::Fill::kNone: break;
      }
    }
    if (next.args) {
      ODW_ASSIGN_OR_RETURN(std::string args, BytesOf(*next.args, run_id, read_value));
      next.frame.mutable_start()->set_args_json(std::move(args));
    }
    AppendFrame(next.frame.SerializeAsString(), &out_);
    pending_.pop_front();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ScriptHost::Pump(const ReadValue& read_value) {
  for (;;) {
    ODW_RETURN_IF_ERROR(Encode(read_value));
    if (out_.empty()) return true;
    const ssize_t sent =
        send(socket_.get(), out_.data() + out_start_, out_.size() - out_start_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
      return ErrnoStatus("writing to a script host");
    }
    out_start_ += static_cast<size_t>(sent);
    if (out_start_ == out_.size()) {
      out_.clear();
      out_start_ = 0;
    }
  }
}

}  // namespace odw::hosts
