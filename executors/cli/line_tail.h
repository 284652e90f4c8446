// Reads whole lines of a file that another process appends to. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "daemon/base/fd.h"

namespace odw::executors {

class LineTail {
 public:
  // A line longer than this is passed over.
  static constexpr size_t kLineBytesMax = 48 << 20;

  LineTail() = default;
  explicit LineTail(std::string path) : path_(std::move(path)) {}
  // Of what is there at the first call no more than these last bytes: the first line may be torn.
  LineTail(std::string path, off_t last_bytes) : path_(std::move(path)), last_bytes_(last_bytes) {}
  // What has come since the last call. The file may not exist yet.
  void Read(const std::function<void(std::string_view line)>& take);
  // The same, and the last line even without its end.
  void ReadToEnd(const std::function<void(std::string_view line)>& take);

 private:
  bool Open();

  std::string path_;
  off_t last_bytes_ = std::numeric_limits<off_t>::max();
  UniqueFd fd_;
  off_t offset_ = 0;  // up to here it is read
  std::string partial_;
  bool overlong_ = false;
};

}  // namespace odw::executors
