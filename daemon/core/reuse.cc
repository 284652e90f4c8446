#include "daemon/core/reuse.h"

#include "daemon/core/planted_bug.h"
#include "daemon/core/reuse_key.h"

namespace odw::core {
namespace {

Reused Answer(const ReuseTable& table, const Reusable& found) {
  Reused reused;
  reused.value = model::ValueFromRef(found.value);
  if (!reused.value.is_inline()) reused.value.from_run = table.run_id;
  reused.settled.set_outcome(found.is_json ? v1::Settled::RESOLVE_JSON : v1::Settled::RESOLVE_TEXT);
  reused.settled.set_end(v1::END_CACHED);
  reused.settled.set_from_run(table.run_id);
  reused.settled.set_from_node(found.node);
  reused.settled.set_model(found.model);
  *reused.settled.mutable_saved_usage() = found.usage;
  return reused;
}

// SPEC K4: call i of this run is call i of the old one, and so were all before it.
const Reusable* FindInPrefix(const Run& run, const ReuseTable& table, const std::string& key) {
  const bool unbroken = run.counts.cached + 1 == run.agents_called;
  if (!unbroken && !PlantedBug(Bug::kPrefixGoesOn)) return nullptr;
  if (run.agents_called > table.calls.size()) return nullptr;
  const std::string& old_key = table.calls[run.agents_called - 1];
  if (old_key.empty() || RequestKeyOf(old_key) != RequestKeyOf(key)) return nullptr;
  const auto found = table.by_key.find(old_key);
  return found == table.by_key.end() ? nullptr : &found->second;
}

const ReuseIndex& IndexOf(Run* run, const ReuseTable& table) {
  std::shared_ptr<const ReuseIndex>& index = run->live.reuse_index;
  if (index) return *index;
  auto made = std::make_shared<ReuseIndex>();
  for (const std::string& key : table.calls) {
    if (!key.empty()) (*made)[RequestKeyOf(key)].push_back(key);
  }
  index = std::move(made);
  return *index;
}

// By its place; one that the old run asked for only once wherever it is made now, so that a list that
// has grown does not cost its old items again. Nothing answers twice.
const Reusable* FindByContent(Run* run, const ReuseTable& table, const std::string& key) {
  const auto free = [&](const std::string& old_key) -> const Reusable* {
    const auto found = table.by_key.find(old_key);
    if (found == table.by_key.end()) return nullptr;
    const bool taken = run->reused.contains(found->second.node);
    return taken && !PlantedBug(Bug::kAnswersTwice) ? nullptr : &found->second;
  };
  if (const Reusable* found = free(key)) return found;
  const ReuseIndex& index = IndexOf(run, table);
  const auto alike = index.find(RequestKeyOf(key));
  if (alike == index.end() || alike->second.size() != 1) return nullptr;
  return free(alike->second.front());
}

std::optional<Reused> FindOwn(const Run& run, const std::string& key) {
  const auto found = run.memo.find(RequestKeyOf(key));
  if (found == run.memo.end()) return std::nullopt;
  const Settlement& first = run.settlements[found->second - 1];
  Reused reused;
  reused.value = model::ValueFromRef(first.value.ref);
  reused.settled.set_outcome(first.outcome);
  reused.settled.set_end(v1::END_CACHED);
  reused.settled.set_from_run(run.id());
  reused.settled.set_from_node(first.node);
  return reused;
}

}  // namespace

std::optional<Reused> FindReused(Run* run, NodeId id) {
  const CallDetails& details = *run->node(id).details;
  const std::string& key = details.reuse_key;
  const bool memoised = Memoised(run->header.dialect(), details.request);
  if (memoised) {
    if (std::optional<Reused> own = FindOwn(*run, key)) return own;
  }
  const std::shared_ptr<const ReuseTable> table = run->live.reusable;
  if (!table) return std::nullopt;
  const Reusable* found = run->header.resume_mode() == v1::RESUME_PREFIX
                              ? FindInPrefix(*run, *table, key)
                              : FindByContent(run, *table, key);
  if (found == nullptr) return std::nullopt;
  return Answer(*table, *found);
}

}  // namespace odw::core
