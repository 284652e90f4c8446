#include "client/output/combinator_events.h"

#include <algorithm>

namespace odw::client {
namespace {

struct Enclosing {
  std::string id;
  bool pipeline = false;
};

// The combinators around a call, the outermost first. "p2[0]/s1/p1[4]": pipeline p2, parallel
// p2[0]/s1/p1.
std::vector<Enclosing> EnclosingOf(const std::string& scope) {
  std::vector<Enclosing> around;
  for (size_t from = 0; from < scope.size();) {
    const size_t end = std::min(scope.find('/', from), scope.size());
    const size_t bracket = scope.find('[', from);
    if (scope[from] == 'p' && bracket < end) {
      const bool stage = end + 1 < scope.size() && scope[end + 1] == 's';
      around.push_back({.id = scope.substr(0, bracket), .pipeline = stage});
    }
    from = end + 1;
  }
  return around;
}

}  // namespace

CombinatorEvent CombinatorEvents::Done(const std::string& id, Combinator* combinator) {
  combinator->done = true;
  return {.type = combinator->pipeline ? "pipeline_done" : "parallel_done",
          .id = id,
          .calls = combinator->calls,
          .failed = combinator->failed,
          .unix_ms = combinator->last_ended_unix_ms};
}

std::vector<CombinatorEvent> CombinatorEvents::OnCalled(uint64_t ordinal, const std::string& scope,
                                                        int64_t unix_ms) {
  const std::vector<Enclosing> around = EnclosingOf(scope);
  const auto is_around = [&](const std::string& id) {
    return std::any_of(around.begin(), around.end(),
                       [&](const Enclosing& enclosing) { return enclosing.id == id; });
  };
  std::vector<CombinatorEvent> events;
  // An inner one's id begins with its outer one's, so it comes later in the map.
  for (auto it = combinators_.rbegin(); it != combinators_.rend(); ++it) {
    auto& [id, combinator] = *it;
    if (combinator.done || combinator.open > 0 || is_around(id)) continue;
    events.push_back(Done(id, &combinator));
  }
  for (const Enclosing& enclosing : around) {
    const auto [found, is_new] = combinators_.try_emplace(enclosing.id);
    Combinator& combinator = found->second;
    if (is_new) {
      combinator.pipeline = enclosing.pipeline;
      events.push_back({.type = enclosing.pipeline ? "pipeline_start" : "parallel_start",
                        .id = enclosing.id,
                        .unix_ms = unix_ms});
    }
    ++combinator.calls;
    ++combinator.open;
    of_[ordinal].push_back(enclosing.id);
  }
  return events;
}

void CombinatorEvents::OnEnded(uint64_t ordinal, Outcome outcome, int64_t unix_ms) {
  const auto found = of_.find(ordinal);
  if (found == of_.end()) return;
  for (const std::string& id : found->second) {
    Combinator& combinator = combinators_[id];
    --combinator.open;
    combinator.failed += outcome == Outcome::kFailed ? 1 : 0;
    combinator.last_ended_unix_ms = unix_ms;
  }
  of_.erase(found);
}

std::vector<CombinatorEvent> CombinatorEvents::AtEnd() {
  std::vector<CombinatorEvent> events;
  for (auto it = combinators_.rbegin(); it != combinators_.rend(); ++it) {
    if (!it->second.done) events.push_back(Done(it->first, &it->second));
  }
  return events;
}

}  // namespace odw::client
