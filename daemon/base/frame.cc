#include "daemon/base/frame.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/fd.h"

namespace odw {
namespace {

constexpr size_t kHeaderBytes = 4;
constexpr size_t kReadChunkBytes = 256 << 10;

uint32_t DecodeLength(const char* at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

void EncodeLength(uint32_t length, char out[kHeaderBytes]) {
  for (size_t i = 0; i < kHeaderBytes; ++i) out[i] = static_cast<char>(length >> (8 * i));
}

}  // namespace

void AppendFrame(std::string_view payload, std::string* out) {
  char header[kHeaderBytes];
  EncodeLength(static_cast<uint32_t>(payload.size()), header);
  out->append(header, kHeaderBytes);
  out->append(payload);
}

void FrameReader::Compact() {
  if (start_ == buffer_.size()) {
    buffer_.clear();
    start_ = 0;
  } else if (start_ > kReadChunkBytes && start_ > buffer_.size() / 2) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
}

absl::StatusOr<ssize_t> FrameReader::Fill(int fd) {
  Compact();
  // Through the stack: growing the string first would clear a whole chunk for every small frame.
  char chunk[kReadChunkBytes];
  ssize_t got;
  do {
    got = read(fd, chunk, kReadChunkBytes);
  } while (got < 0 && errno == EINTR);
  if (got > 0) buffer_.append(chunk, static_cast<size_t>(got));
  if (got >= 0) return got;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return -1;
  if (errno == ECONNRESET) return 0;
  return ErrnoStatus("reading a frame");
}

absl::StatusOr<std::optional<std::string_view>> FrameReader::Next() {
  const size_t have = buffer_.size() - start_;
  if (have < kHeaderBytes) return std::optional<std::string_view>();
  const uint32_t length = DecodeLength(buffer_.data() + start_);
  if (length > kFrameBytesMax) {
    return absl::InvalidArgumentError("a frame of " + std::to_string(length) + " bytes");
  }
  if (have < kHeaderBytes + length) return std::optional<std::string_view>();
  const std::string_view payload(buffer_.data() + start_ + kHeaderBytes, length);
  start_ += kHeaderBytes + length;
  return std::optional<std::string_view>(payload);
}

absl::Status WriteFrame(int fd, std::string_view payload) {
  std::string framed;
  framed.reserve(payload.size() + kHeaderBytes);
  AppendFrame(payload, &framed);
  return WriteAll(fd, framed.data(), framed.size());
}

absl::StatusOr<std::optional<std::string>> ReadFrame(int fd, FrameReader* reader) {
  for (;;) {
    ODW_ASSIGN_OR_RETURN(auto frame, reader->Next());
    if (frame) return std::optional<std::string>(std::string(*frame));
    ODW_ASSIGN_OR_RETURN(const ssize_t got, reader->Fill(fd));
    if (got == 0) return std::optional<std::string>();
  }
}

}  // namespace odw
