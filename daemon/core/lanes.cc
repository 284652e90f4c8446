#include "daemon/core/lanes.h"

#include <algorithm>
#include <tuple>

namespace odw::core {

std::string Lanes::NameOf(const std::string& runtime, const std::string& provider) {
  if (runtime == "mock" || runtime == "command") return "";
  return runtime + '\0' + provider;
}

bool Lanes::HasRoom(const std::string& name) const {
  const auto lane = lanes_.find(name);
  return lane == lanes_.end() || lane->second.limit == 0 ||
         lane->second.under_way < lane->second.limit;
}

uint32_t Lanes::LimitOf(const std::string& name) const {
  const auto lane = lanes_.find(name);
  return lane == lanes_.end() ? 0 : lane->second.limit;
}

std::vector<Lanes::Limited> Lanes::AllLimited() const {
  std::vector<Limited> all;
  for (const auto& [name, lane] : lanes_) {
    const size_t split = name.find('\0');
    if (lane.limit == 0) continue;
    all.push_back({.runtime = name.substr(0, split), .provider = name.substr(split + 1),
                   .limit = lane.limit});
  }
  std::sort(all.begin(), all.end(), [](const Limited& a, const Limited& b) {
    return std::tie(a.runtime, a.provider) < std::tie(b.runtime, b.provider);
  });
  return all;
}

void Lanes::Start(const std::string& name, const std::string& token) {
  if (name.empty()) return;
  ++lanes_[name].under_way;
  under_way_[token] = {.lane = name, .serial = ++last_serial_};
}

void Lanes::Succeeded(const std::string& token) {
  const auto attempt = under_way_.find(token);
  if (attempt == under_way_.end()) return;
  Lane& lane = lanes_[attempt->second.lane];
  if (lane.limit == 0 || ++lane.successes < lane.limit) return;
  lane.successes = 0;
  if (++lane.limit >= lane.peak) lane.limit = 0;
}

void Lanes::Refused(const std::string& token, v1::ErrorCategory category) {
  if (category != v1::RATE_LIMIT && category != v1::OVERLOADED) return;
  const auto attempt = under_way_.find(token);
  if (attempt == under_way_.end()) return;
  Lane& lane = lanes_[attempt->second.lane];
  // A crowd that started together is refused together: that halves once.
  if (attempt->second.serial <= lane.limited_at) return;
  lane.limited_at = last_serial_;
  lane.successes = 0;
  const uint32_t now = lane.limit > 0 ? std::min(lane.limit, lane.under_way) : lane.under_way;
  if (lane.limit == 0) lane.peak = lane.under_way;
  lane.limit = std::max(1u, now / 2);
}

void Lanes::Release(const std::string& token) {
  const auto attempt = under_way_.find(token);
  if (attempt == under_way_.end()) return;
  const auto lane = lanes_.find(attempt->second.lane);
  --lane->second.under_way;
  if (lane->second.under_way == 0 && lane->second.limit == 0) lanes_.erase(lane);
  under_way_.erase(attempt);
}

}  // namespace odw::core
