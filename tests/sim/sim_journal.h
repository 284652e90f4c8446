// A journal that keeps what was synced and loses the rest at a crash. Group commit in three steps
// that the simulation takes apart: queued, being synced, durable.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/core/effect.h"
#include "tests/sim/context.h"

namespace odw::sim {

struct JournalGroup {
  uint64_t ticket = 0;
  std::vector<core::Append> appends;
  std::vector<v1::RunSummary> summaries;
};

struct DurableRun {
  std::vector<v1::Event> events;
  v1::RunSummary summary;
  std::map<std::string, std::string> blobs;
};

inline bool IsOpen(v1::RunState state) { return state == v1::RUNNING || state == v1::PAUSED; }

class SimJournal {
 public:
  explicit SimJournal(Context* context) : context_(context) {}

  uint64_t Enqueue(JournalGroup group);
  bool queued() const { return !queued_.empty(); }
  bool syncing() const { return !syncing_.empty(); }
  // Takes all that is queued into one synced write.
  void BeginSync();
  void EndSync();
  enum class Inflight { kLost, kKept };
  // The process dies. A write under way may have reached the disk: all of it or nothing.
  void Crash(Inflight inflight);

  uint64_t last_ticket() const { return last_ticket_; }
  uint64_t durable_ticket() const { return durable_ticket_; }
  const std::map<std::string, DurableRun>& runs() const { return runs_; }
  const DurableRun* Find(const std::string& run_id) const;
  // What a run resumed from `run_id` may be answered with, as its durable events say.
  std::shared_ptr<const core::ReuseTable> ReusableOf(const std::string& run_id) const;
  // Bytes of a value: inline, durable, or (for what is not gated) still on its way.
  enum class Reader { kGated, kNotGated };
  std::string Read(const std::string& run_id, const v1::Blob& blob, Reader reader) const;

 private:
  void Store(const JournalGroup& group);
  void CheckSummary(const std::string& run_id) const;

  Context* const context_;
  uint64_t last_ticket_ = 0, durable_ticket_ = 0;
  std::deque<JournalGroup> queued_, syncing_;
  std::map<std::string, DurableRun> runs_;
};

}  // namespace odw::sim
