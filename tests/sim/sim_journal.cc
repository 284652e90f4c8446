#include "tests/sim/sim_journal.h"

namespace odw::sim {

uint64_t SimJournal::Enqueue(JournalGroup group) {
  group.ticket = ++last_ticket_;
  queued_.push_back(std::move(group));
  return last_ticket_;
}

void SimJournal::BeginSync() { syncing_ = std::exchange(queued_, {}); }

void SimJournal::EndSync() {
  for (const JournalGroup& group : syncing_) Store(group);
  context_->coverage->Count("groups merged into a sync", syncing_.size());
  context_->coverage->Count("syncs");
  context_->Note("durable up to " + std::to_string(durable_ticket_));
  syncing_.clear();
}

void SimJournal::Crash(Inflight inflight) {
  if (inflight == Inflight::kKept) EndSync();
  syncing_.clear();
  queued_.clear();
  last_ticket_ = durable_ticket_;
}

void SimJournal::Store(const JournalGroup& group) {
  for (const core::Append& append : group.appends) {
    DurableRun& run = runs_[append.run_id];
    if (append.seq != run.events.size() + 1) {
      Broken("event " + std::to_string(append.seq) + " of " + append.run_id +
             " was appended after " + std::to_string(run.events.size()));
    }
    if (!run.events.emplace_back().ParseFromString(append.bytes))
      Broken("an event that cannot be read");
    for (const model::Value& value : append.values) run.blobs[value.ref.sha256()] = *value.bytes;
  }
  for (const v1::RunSummary& summary : group.summaries) runs_[summary.run_id()].summary = summary;
  for (const core::Append& append : group.appends) CheckSummary(append.run_id);
  durable_ticket_ = group.ticket;
}

void SimJournal::CheckSummary(const std::string& run_id) const {
  const DurableRun& run = runs_.at(run_id);
  if (run.summary.last_event() != run.events.size()) {
    Broken("the summary of " + run_id + " speaks of event " +
           std::to_string(run.summary.last_event()) + ", the journal has " +
           std::to_string(run.events.size()));
  }
}

const DurableRun* SimJournal::Find(const std::string& run_id) const {
  const auto found = runs_.find(run_id);
  return found == runs_.end() || found->second.events.empty() ? nullptr : &found->second;
}

std::string SimJournal::Read(const std::string& run_id, const v1::Blob& blob, Reader reader) const {
  if (blob.sha256().empty()) return blob.inline_();
  if (const DurableRun* run = Find(run_id)) {
    if (const auto found = run->blobs.find(blob.sha256()); found != run->blobs.end())
      return found->second;
  }
  if (reader == Reader::kNotGated) {
    for (const std::deque<JournalGroup>* groups : {&syncing_, &queued_}) {
      for (const JournalGroup& group : *groups) {
        for (const core::Append& append : group.appends) {
          for (const model::Value& value : append.values) {
            if (append.run_id == run_id && value.ref.sha256() == blob.sha256()) return *value.bytes;
          }
        }
      }
    }
  }
  Broken("a value of " + run_id + " cannot be read");
}

std::shared_ptr<const core::ReuseTable> SimJournal::ReusableOf(const std::string& run_id) const {
  const DurableRun* run = Find(run_id);
  if (run == nullptr) return nullptr;
  auto table = std::make_shared<core::ReuseTable>();
  table->run_id = run_id;
  std::map<uint64_t, size_t> places;  // of agent calls, by node
  std::map<std::pair<uint64_t, uint32_t>, const v1::AttemptEnded*> answers;
  std::vector<bool> succeeded;
  for (const v1::Event& event : run->events) {
    if (event.has_called() && event.called().kind() == v1::script::AGENT) {
      places[event.called().ordinal()] = table->calls.size();
      table->calls.push_back(event.called().reuse_key());
      succeeded.push_back(false);
    } else if (event.has_attempt_ended() && event.attempt_ended().ok()) {
      answers[{event.attempt_ended().node(), event.attempt_ended().attempt()}] = &event.attempt_ended();
    } else if (event.has_settled() && places.contains(event.settled().node())) {
      const v1::Settled& settled = event.settled();
      const size_t place = places.at(settled.node());
      core::Reusable old{.node = settled.node()};
      if (settled.end() == v1::END_DONE) {
        const v1::AttemptEnded& answer = *answers.at({settled.node(), settled.attempt()});
        old.value = answer.value();
        old.usage = answer.usage();
      } else if (settled.end() == v1::END_CACHED) {
        old.value = settled.value();
        old.usage = settled.saved_usage();
      } else {
        continue;
      }
      old.is_json = settled.outcome() == v1::Settled::RESOLVE_JSON;
      succeeded[place] = true;
      table->by_key[table->calls[place]] = std::move(old);
    }
  }
  for (size_t i = 0; i < succeeded.size(); ++i) {
    if (!succeeded[i]) table->calls[i].clear();
  }
  return table;
}

}  // namespace odw::sim
