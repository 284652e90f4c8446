#include "daemon/core/meter.h"

#include <utility>

#include "daemon/model/usage_math.h"

namespace odw::core {

void Meter::Tell(const std::string& token, const v1::Usage& so_far, const v1::Model* price) {
  v1::Usage& kept = told_[token].so_far;
  kept = so_far;
  if (price == nullptr || kept.cost_micros() > 0) return;
  const double micros =
      (static_cast<double>(kept.input_tokens()) * static_cast<double>(price->input_micros_per_mtok()) +
       static_cast<double>(kept.cached_input_tokens()) *
           static_cast<double>(price->cached_micros_per_mtok()) +
       static_cast<double>(kept.output_tokens()) *
           static_cast<double>(price->output_micros_per_mtok())) /
      1e6;
  kept.set_cost_micros(static_cast<int64_t>(micros));
  kept.set_currency(price->currency());
}

bool Meter::Stop(const std::string& token) {
  const auto found = told_.find(token);
  return found != told_.end() && !std::exchange(found->second.stopped, true);
}

v1::Usage Meter::SumOf(const absl::flat_hash_set<std::string>& tokens) const {
  v1::Usage sum;
  for (const std::string& token : tokens) {
    const auto found = told_.find(token);
    if (found != told_.end()) model::AddUsage(found->second.so_far, &sum);
  }
  return sum;
}

v1::Usage Meter::Sum() const {
  v1::Usage sum;
  for (const auto& [token, told] : told_) model::AddUsage(told.so_far, &sum);
  return sum;
}

}  // namespace odw::core
