// The flood limit of a run's log (SPEC F5): so many lines, so many bytes, then one line that says
// so. Counts the same in replay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace odw::script {

class LogLimit {
 public:
  // 0 means the default.
  LogLimit(uint32_t lines_max, uint32_t bytes_max);

  // The line to store; in place of the first refused one a line that says so; then nullopt.
  std::optional<std::string> Admit(std::string text);

  bool suppressing() const { return suppressing_; }

  // What one line may hold; longer text is cut before it is copied.
  static constexpr size_t kLineBytesMax = 64 << 10;

 private:
  const uint32_t lines_max_;
  const uint32_t bytes_max_;
  uint32_t lines_ = 0;
  size_t bytes_ = 0;
  bool suppressing_ = false;
};

}  // namespace odw::script
