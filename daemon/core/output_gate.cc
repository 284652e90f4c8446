#include "daemon/core/output_gate.h"

#include "daemon/core/planted_bug.h"

namespace odw::core {

bool IsGated(const Effect& effect) {
  if (PlantedBug(Bug::kAckBeforeCommit) && std::holds_alternative<SendAck>(effect)) return false;
  if (PlantedBug(Bug::kReplyBeforeCommit) && std::holds_alternative<Reply>(effect)) return false;
  return !std::holds_alternative<Append>(effect) && !std::holds_alternative<HostStart>(effect) &&
         !std::holds_alternative<HostSettle>(effect) &&
         !std::holds_alternative<HostRelease>(effect) &&
         !std::holds_alternative<FindWorkflow>(effect);
}

void OutputGate::Cut(uint64_t ticket) {
  for (size_t i = held_.size() - uncut_; i < held_.size(); ++i) held_[i].ticket = ticket;
  uncut_ = 0;
}

std::vector<Effect> OutputGate::Open(uint64_t ticket) {
  std::vector<Effect> out;
  while (held_.size() > uncut_ && held_.front().ticket <= ticket) {
    out.push_back(std::move(held_.front().effect));
    held_.pop_front();
  }
  return out;
}

}  // namespace odw::core
