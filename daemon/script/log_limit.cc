#include "daemon/script/log_limit.h"

namespace odw::script {
namespace {

constexpr uint32_t kLinesDefault = 10000;
constexpr uint32_t kBytesDefault = 1 << 20;

}  // namespace

LogLimit::LogLimit(uint32_t lines_max, uint32_t bytes_max)
    : lines_max_(lines_max == 0 ? kLinesDefault : lines_max),
      bytes_max_(bytes_max == 0 ? kBytesDefault : bytes_max) {}

std::optional<std::string> LogLimit::Admit(std::string text) {
  if (suppressing_) return std::nullopt;
  if (lines_ >= lines_max_ || bytes_ + text.size() > bytes_max_) {
    suppressing_ = true;
    return "… further log lines are suppressed: the run reached its limit of " +
           std::to_string(lines_max_) + " lines or " + std::to_string(bytes_max_) + " bytes";
  }
  ++lines_;
  bytes_ += text.size();
  return text;
}

}  // namespace odw::script
