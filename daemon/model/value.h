// A value (prompt, result, source) as the core handles it: small ones inline, others by digest with
// the bytes at hand while they are on their way to the journal. Pure; safe to copy between threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "odw/v1/types.pb.h"

namespace odw::model {

// At most this many bytes travel inside a record; larger ones go to the journal's blobs.
inline constexpr size_t kInlineBytesMax = 2048;

struct Value {
  v1::Blob ref;
  // The bytes of a value that is not inline; null when they must be read from the journal.
  std::shared_ptr<const std::string> bytes;
  // Not empty (and then `bytes` is null and the value is not inline): only the blobs of this other run
  // have them. Comes in core::Append::values when a call is answered with an earlier run's result. Who
  // carries the Append out reads the bytes there, sets `bytes`, and stores them under the appending run,
  // in the same group; whatever refers to the value later (a HostSettle of the same step too) finds them
  // as this run's own.
  std::string from_run;

  bool is_inline() const { return ref.sha256().empty(); }
};

Value MakeValue(std::string bytes);
// A reference that was read back: no bytes at hand unless inline.
Value ValueFromRef(v1::Blob ref);

}  // namespace odw::model
