#include "client/output/run_tree.h"

#include "client/output/text.h"

namespace odw::client {
namespace {

constexpr size_t kLogLinesKept = 3;
constexpr size_t kErrorBytesKept = 400;

bool IsFinal(v1::NodeState state) {
  return state == v1::NODE_DONE || state == v1::NODE_FAILED || state == v1::NODE_SKIPPED ||
         state == v1::NODE_CACHED || state == v1::NODE_CANCELLED;
}

}  // namespace

void RunTree::Apply(const v1::WatchEvent& event) {
  if (event.number() != 0) {
    if (event.number() <= last_number_) return;
    last_number_ = event.number();
  }
  switch (event.body_case()) {
    case v1::WatchEvent::kRunStarted:
      name_ = OneLine(event.run_started().name());
      started_unix_ms_ = event.unix_ms();
      for (const std::string& title : event.run_started().phases()) PhaseIndex(OneLine(title));
      break;
    case v1::WatchEvent::kNode:
      ApplyNode(event.node(), event.unix_ms());
      break;
    case v1::WatchEvent::kLog:
      if (log_.size() == kLogLinesKept) log_.erase(log_.begin());
      log_.push_back(OneLine(event.log().text()));
      break;
    case v1::WatchEvent::kPhase:
      PhaseIndex(OneLine(event.phase().title()));
      break;
    case v1::WatchEvent::kRunEnded:
      end_ = event.run_ended();
      state_ = end_.state();
      health_ = end_.health();
      ended_unix_ms_ = event.unix_ms();
      break;
    case v1::WatchEvent::BODY_NOT_SET:
      break;
  }
}

void RunTree::ApplyNode(const v1::NodeChanged& changed, int64_t unix_ms) {
  auto [found, is_new] = nodes_.try_emplace(changed.ordinal());
  Entry& entry = found->second;
  TreeNode& node = entry.view;
  if (is_new) {
    node.ordinal = changed.ordinal();
    node.phase = OneLine(changed.phase());
    entry.phase = PhaseIndex(node.phase);
    phases_[entry.phase].ordinals.push_back(node.ordinal);
  } else {
    Count(entry, -1);
  }
  if (!changed.label().empty()) node.label = OneLine(changed.label());
  if (!changed.runtime().empty()) node.runtime = OneLine(changed.runtime());
  if (!changed.model().empty()) node.model = OneLine(changed.model());
  if (changed.has_usage()) {
    node.tokens = TotalTokens(changed.usage());
    entry.cost_micros = changed.usage().cost_micros();
    if (!changed.usage().currency().empty()) currency_ = OneLine(changed.usage().currency());
  }
  const bool begins = changed.state() == v1::NODE_RUNNING &&
                      (node.state != v1::NODE_RUNNING || changed.attempt() != node.attempt);
  if (begins) node.started_unix_ms = unix_ms;
  if (IsFinal(changed.state())) node.ended_unix_ms = unix_ms;
  if (HasError(changed)) {
    node.error = CategoryName(changed.error().category()) + ": " +
                 OneLine(std::string_view(changed.error().message()).substr(0, kErrorBytesKept));
  }
  node.state = changed.state();
  node.attempt = changed.attempt();
  if (node.state == v1::NODE_FAILED) health_ = v1::DEGRADED;
  Count(entry, +1);
}

size_t RunTree::PhaseIndex(const std::string& title) {
  for (size_t i = 0; i < phases_.size(); ++i) {
    if (phases_[i].title == title) return i;
  }
  phases_.push_back({.title = title});
  return phases_.size() - 1;
}

void RunTree::Count(const Entry& entry, int sign) {
  const auto add = [&](TreeCounts* counts) {
    counts->total += sign;
    counts->tokens += sign * static_cast<int64_t>(entry.view.tokens);
    switch (entry.view.state) {
      case v1::NODE_RUNNING:
        counts->running += sign;
        break;
      case v1::NODE_FAILED:
      case v1::NODE_CANCELLED:
        counts->failed += sign;
        break;
      case v1::NODE_DONE:
      case v1::NODE_CACHED:
      case v1::NODE_SKIPPED:
        counts->done += sign;
        break;
      default:
        counts->waiting += sign;
    }
  };
  add(&counts_);
  add(&phases_[entry.phase].counts);
  cost_micros_ += sign * entry.cost_micros;
}

}  // namespace odw::client
