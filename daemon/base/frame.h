// Frames on a stream socket: a little-endian uint32 length, then that many bytes. Used between odwd
// and odw-script. Not thread-safe: one reader and one writer a descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/status.h"

namespace odw {

// A frame past this is a protocol error: results may be 64 MiB, and JSON may double in escapes.
inline constexpr uint32_t kFrameBytesMax = 160u << 20;

// Appends one frame to `out`.
void AppendFrame(std::string_view payload, std::string* out);

// Cuts frames out of a byte stream.
class FrameReader {
 public:
  // Reads once from `fd` (blocking or not). Returns the bytes read: 0 at end of stream, -1 when a
  // non-blocking descriptor has nothing now.
  absl::StatusOr<ssize_t> Fill(int fd);
  // Appends bytes that were read elsewhere.
  void Feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame; nullopt when more bytes are needed. The view lives until the next call of
  // any method. InvalidArgument on a length past kFrameBytesMax.
  absl::StatusOr<std::optional<std::string_view>> Next();

 private:
  void Compact();
  std::string buffer_;
  size_t start_ = 0;
};

// Blocking: writes one frame.
absl::Status WriteFrame(int fd, std::string_view payload);
// Blocking: the next frame, or nullopt at a clean end of stream.
absl::StatusOr<std::optional<std::string>> ReadFrame(int fd, FrameReader* reader);

}  // namespace odw
