#include "tests/sim/provider_check.h"

#include <algorithm>

namespace odw::sim {
namespace {

constexpr uint32_t kFailuresMax = 5;
constexpr absl::Duration kFirstHold = absl::Seconds(2);
constexpr absl::Duration kHoldMax = absl::Minutes(1);

std::string LaneOf(const std::string& runtime, const std::string& provider) {
  return runtime == "mock" || runtime == "command" ? "" : runtime + "/" + provider;
}

bool OfProvider(v1::ErrorCategory category) {
  return category == v1::AUTH || category == v1::QUOTA || category == v1::NETWORK ||
         category == v1::OVERLOADED;
}

bool Answered(const v1::Result& result) {
  const v1::ErrorCategory category = result.error().category();
  return result.ok() || category == v1::RATE_LIMIT || category == v1::REFUSED ||
         category == v1::CONTEXT_LENGTH || category == v1::MODEL_NOT_FOUND || category == v1::SCHEMA;
}

}  // namespace

void ProviderCheck::OnBoot() {
  lanes_.clear();
  circuits_.clear();
  under_way_.clear();
  started_.clear();
  booting_ = true;
}

uint32_t ProviderCheck::CountOf(const std::string& lane) const {
  return static_cast<uint32_t>(std::count_if(under_way_.begin(), under_way_.end(), [&](const auto& entry) {
    return entry.second.lane == lane;
  }));
}

void ProviderCheck::OnResult(const v1::Result& result) {
  const auto attempt = under_way_.find(result.token());
  if (attempt == under_way_.end()) return;
  OnLane(attempt->second, result);
  if (attempt->second.seen_start) OnCircuit(attempt->second, result);
}

void ProviderCheck::OnLane(const UnderWay& attempt, const v1::Result& result) {
  Lane& lane = lanes_[attempt.lane];
  if (result.ok()) {
    if (lane.limit == 0 || ++lane.successes < lane.limit) return;
    lane.successes = 0;
    if (++lane.limit >= lane.peak) {
      lane.limit = 0;
      context_->coverage->Count("lanes wide again");
    }
    return;
  }
  const v1::ErrorCategory category = result.error().category();
  if (category != v1::RATE_LIMIT && category != v1::OVERLOADED) return;
  if (attempt.serial <= lane.limited_at) return;
  const uint32_t count = CountOf(attempt.lane);
  lane.limited_at = last_serial_;
  lane.successes = 0;
  if (lane.limit == 0) lane.peak = count;
  lane.limit = std::max(1u, (lane.limit > 0 ? std::min(lane.limit, count) : count) / 2);
  context_->Passed("provider: a lane is narrowed");
  context_->Note("    " + attempt.lane + " takes " + std::to_string(lane.limit) + " of " +
                 std::to_string(count) + " at a time");
}

void ProviderCheck::OnCircuit(const UnderWay& attempt, const v1::Result& result) {
  Circuit& circuit = circuits_[attempt.circuit];
  if (attempt.serial <= circuit.opened_at) return;
  if (Answered(result)) {
    if (circuit.open) context_->Passed("provider: a breaker closes");
    circuit = Circuit{.opened_at = circuit.opened_at};
    return;
  }
  if (!OfProvider(result.error().category()) || ++circuit.failures < kFailuresMax) return;
  context_->Passed(circuit.open ? "provider: a breaker opens for longer" : "provider: a breaker opens");
  circuit.hold = circuit.open ? std::min(circuit.hold * 2, kHoldMax) : kFirstHold;
  circuit.open = true;
  circuit.until = context_->now + circuit.hold;
  circuit.opened_at = last_serial_;
}

void ProviderCheck::OnStarted(const v1::AttemptStarted& started, const v1::Register& executor) {
  const std::string lane = LaneOf(started.runtime(), started.provider());
  if (lane.empty()) return;
  const std::string key = executor.credentials_size() > 0 ? executor.credentials(0).key_id() : "";
  started_.emplace_back(started.token(),
                        UnderWay{.lane = lane, .circuit = lane + "/" + key, .seen_start = true});
}

// What a restart finds under way counts in its lane, where its call is not settled.
void ProviderCheck::AdoptAtBoot(const core::World& world) {
  booting_ = false;
  for (const auto& [run_id, run] : world.runs) {
    for (const std::string& token : run->live.tokens) {
      const core::Node& node = run->node(world.tokens.at(token).node);
      if (node.details == nullptr) continue;
      const v1::AgentRequest& request = node.details->request;
      const std::string lane = LaneOf(request.runtime(), request.provider());
      if (!lane.empty()) under_way_[token] = {.lane = lane, .serial = ++last_serial_};
    }
  }
}

void ProviderCheck::After(const core::World& world) {
  std::set<std::string> live;
  if (booting_ || !under_way_.empty() || !started_.empty()) {
    for (const auto& [run_id, run] : world.runs) {
      live.insert(run->live.tokens.begin(), run->live.tokens.end());
    }
  }
  std::erase_if(under_way_, [&](const auto& entry) { return !live.contains(entry.first); });
  if (booting_) AdoptAtBoot(world);
  for (auto& [token, attempt] : started_) {
    Circuit& circuit = circuits_[attempt.circuit];
    if (circuit.open && context_->now < circuit.until)
      Broken(token + " was sent to a provider whose breaker is open");
    if (circuit.open && live.contains(circuit.probe))
      Broken(token + " was sent while another attempt tries the provider");
    if (circuit.open) circuit.probe = token;
    attempt.serial = ++last_serial_;
    under_way_[token] = attempt;
    const Lane& lane = lanes_[attempt.lane];
    if (lane.limit > 0 && CountOf(attempt.lane) > lane.limit) {
      Broken(token + " was sent though its provider takes " + std::to_string(lane.limit) +
             " at a time");
    }
    if (lane.limit > 0) context_->coverage->Count("attempts in a narrow lane");
  }
  started_.clear();
}

}  // namespace odw::sim
