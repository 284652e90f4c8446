// Reads whole lines of a file that another process appends to. Not thread-safe.
#pragma once

#include <functional>
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
  // What has come since the last call. The file may not exist yet.
  void Read(const std::function<void(std::string_view line)>& take);
  // The same, and the last line even without its end.
  void ReadToEnd(const std::function<void(std::string_view line)>& take);

 private:
  std::string path_;
  UniqueFd fd_;
  std::string partial_;
  bool overlong_ = false;
};

}  // namespace odw::executors
