#include "client/output/run_tree.h"

#include <algorithm>

#include "client/output/text.h"

namespace odw::client {
namespace {

constexpr size_t kLogLinesKept = 3;
constexpr size_t kErrorBytesKept = 400;
constexpr uint32_t kWorkedForEstimate = 3;  // fewer say nothing about those to come

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
    case v1::WatchEvent::kState:
      state_ = event.state().state();
      state_why_ = state_ == v1::PAUSED ? OneLine(event.state().why()) : "";
      break;
    case v1::WatchEvent::kProgress:
      ApplyProgress(event.progress());
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
  if (changed.has_usage()) TakeUsage(changed.usage(), changed.attempt(), &entry);
  if (changed.state() == v1::NODE_STATE_UNSPECIFIED) {  // usage of an attempt that lost, or came late
    Count(entry, +1);
    return;
  }
  const bool begins = changed.state() == v1::NODE_RUNNING &&
                      (node.state != v1::NODE_RUNNING || changed.attempt() != node.attempt);
  if (begins) node.started_unix_ms = unix_ms;
  if (IsFinal(changed.state())) {
    node.ended_unix_ms = unix_ms;
    if (node.started_unix_ms != 0) {
      worked_ms_ += unix_ms - node.started_unix_ms;
      ++worked_;
    }
  }
  node.note.clear();
  if (HasError(changed)) {
    node.error = CategoryName(changed.error().category()) + ": " +
                 OneLine(std::string_view(changed.error().message()).substr(0, kErrorBytesKept));
  }
  node.state = changed.state();
  node.attempt = changed.attempt();
  if (node.state == v1::NODE_FAILED) health_ = v1::DEGRADED;
  Count(entry, +1);
}

void RunTree::TakeUsage(const v1::Usage& usage, uint32_t attempt, Entry* entry) {
  entry->attempts[attempt] = {.tokens = TotalTokens(usage),
                              .cost_micros = usage.cost_micros(),
                              .currency = OneLine(usage.currency())};
  entry->view.tokens = 0;
  for (const auto& [number, spent] : entry->attempts) entry->view.tokens += spent.tokens;
}

void RunTree::ApplyProgress(const v1::NodeProgress& progress) {
  const auto found = nodes_.find(progress.ordinal());
  if (found == nodes_.end() || IsFinal(found->second.view.state)) return;
  Entry& entry = found->second;
  Count(entry, -1);
  if (TotalTokens(progress.usage_so_far()) > 0) {
    TakeUsage(progress.usage_so_far(), entry.view.attempt, &entry);
  }
  if (!progress.note().empty()) entry.view.note = OneLine(progress.note());
  Count(entry, +1);
}

int64_t RunTree::RemainingMillis(int64_t now_unix_ms) const {
  const uint32_t open = counts_.running + counts_.waiting;
  if (worked_ < kWorkedForEstimate || open == 0 || ended() || state_ != v1::RUNNING) return 0;
  // What is at work has part of its time behind it.
  int64_t begun_ms = 0;
  for (const auto& [ordinal, entry] : nodes_) {
    if (entry.view.state == v1::NODE_RUNNING) begun_ms += now_unix_ms - entry.view.started_unix_ms;
  }
  const int64_t left_ms = worked_ms_ / worked_ * open - begun_ms;
  return std::max<int64_t>(left_ms / std::max<int64_t>(1, counts_.running), 0);
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
      case v1::NODE_CACHED:
        counts->cached += sign;
        counts->done += sign;
        break;
      case v1::NODE_SKIPPED:
        counts->skipped += sign;
        counts->done += sign;
        break;
      case v1::NODE_DONE:
        counts->done += sign;
        break;
      default:
        counts->waiting += sign;
    }
  };
  add(&counts_);
  add(&phases_[entry.phase].counts);
  for (const auto& [number, spent] : entry.attempts) {
    if (!spent.currency.empty()) costs_[spent.currency] += sign * spent.cost_micros;
  }
}

}  // namespace odw::client
