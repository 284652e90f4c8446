#include "daemon/loop/reuse_reader.h"

#include "odw/v1/script.pb.h"

namespace odw::loop {

ReuseReader::Call* ReuseReader::Find(uint64_t node) {
  const auto found = index_of_.find(node);
  return found == index_of_.end() ? nullptr : &calls_[found->second];
}

void ReuseReader::Apply(const v1::Event& event) {
  if (event.has_called() && event.called().kind() == v1::script::AGENT) {
    index_of_[event.called().ordinal()] = calls_.size();
    calls_.push_back({.key = event.called().reuse_key()});
    calls_.back().result.node = event.called().ordinal();
  } else if (event.has_attempt_ended()) {
    OnAttemptEnded(event.attempt_ended());
  } else if (event.has_restarted()) {
    // What it had answered is fenced.
    if (Call* call = Find(event.restarted().node())) call->success = false;
  } else if (event.has_settled()) {
    OnSettled(event.settled());
  }
}

void ReuseReader::OnAttemptEnded(const v1::AttemptEnded& ended) {
  Call* call = Find(ended.node());
  if (call == nullptr || !call->live || !ended.ok() || ended.discarded()) return;
  call->success = true;
  call->attempt = ended.attempt();
  call->result.value = ended.value();
  call->result.is_json = ended.value_is_json();
  call->result.model = ended.model();
  call->result.usage = ended.usage();
}

void ReuseReader::OnSettled(const v1::Settled& settled) {
  Call* call = Find(settled.node());
  if (call == nullptr) return;
  call->live = false;
  if (settled.end() == v1::END_CACHED) {
    call->success = true;
    call->result.value = settled.value();
    call->result.is_json = settled.outcome() == v1::Settled::RESOLVE_JSON;
    call->result.model = settled.model();
    call->result.usage = settled.saved_usage();
    return;
  }
  if (settled.end() == v1::END_DONE && settled.has_value()) {
    // As the script was given it, which is not always what the attempt said.
    call->success = true;
    call->result.value = settled.value();
    call->result.is_json = settled.outcome() == v1::Settled::RESOLVE_JSON;
    return;
  }
  // A node that was skipped or refused ends without a success, whatever an attempt had said.
  call->success = call->success && settled.end() == v1::END_DONE &&
                  settled.attempt() == call->attempt;
}

core::ReuseTable ReuseReader::Take() {
  table_.calls.reserve(calls_.size());
  for (Call& call : calls_) {
    const bool usable = call.success && !call.key.empty();
    table_.calls.push_back(usable ? call.key : "");
    // Of equal keys, which an older journal may hold, the first.
    if (usable) table_.by_key.emplace(call.key, std::move(call.result));
  }
  return std::move(table_);
}

absl::StatusOr<std::shared_ptr<const core::ReuseTable>> ReadReuseTable(journal::Journal* journal,
                                                                       const std::string& run_id) {
  ODW_RETURN_IF_ERROR(journal->ReadSummary(run_id).status());
  ReuseReader reader(run_id);
  ODW_RETURN_IF_ERROR(journal->ReadEvents(run_id, 0, [&](uint64_t, const v1::Event& event) {
    reader.Apply(event);
    return true;
  }));
  return std::make_shared<const core::ReuseTable>(reader.Take());
}

}  // namespace odw::loop
