// absl::Status with std::string arguments, and macros to pass errors on. Debian's abseil has its own
// string_view, which std::string_view does not convert to: this is where the two meet.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace odw {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }
inline std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

// Adds what was being tried in front of a failure: "opening the journal: No space left".
inline absl::Status Annotate(const absl::Status& status, const std::string& doing) {
  if (status.ok()) return status;
  return absl::Status(status.code(), doing + ": " + MessageOf(status));
}

}  // namespace odw

#define ODW_RETURN_IF_ERROR(expr)             \
  do {                                        \
    absl::Status odw_status_ = (expr);        \
    if (!odw_status_.ok()) return odw_status_; \
  } while (0)

#define ODW_CONCAT_INNER_(a, b) a##b
#define ODW_CONCAT_(a, b) ODW_CONCAT_INNER_(a, b)
#define ODW_ASSIGN_OR_RETURN(lhs, expr) \
  ODW_ASSIGN_OR_RETURN_IMPL_(ODW_CONCAT_(odw_or_, __LINE__), lhs, expr)
#define ODW_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                               \
  if (!tmp.ok()) return std::move(tmp).status();   \
  lhs = std::move(tmp).value()
