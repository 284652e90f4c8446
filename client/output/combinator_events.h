// parallel_start, parallel_done, pipeline_start and pipeline_done (SPEC O28), told from where a run's
// calls were made. odwd records calls, not combinators, so this is what a watcher can know: one begins
// with its first call, and is done when all its calls have ended and the script has gone on outside it
// (or the run has ended). One that makes no call is not seen. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace odw::client {

struct CombinatorEvent {
  std::string type;  // "parallel_start", ...
  std::string id;    // its place in the script: "p1", or "p1[3]/s0/p2" for one inside another
  uint32_t calls = 0;
  uint32_t failed = 0;
  int64_t unix_ms = 0;  // start: of its first call; done: of its last call's end
};

class CombinatorEvents {
 public:
  // The call `ordinal` was made in `scope` (daemon/script/prelude/scope.js). Those that are over
  // first, inner ones before outer; then those that begin, outer before inner.
  std::vector<CombinatorEvent> OnCalled(uint64_t ordinal, const std::string& scope,
                                        int64_t unix_ms);
  enum class Outcome { kDone, kFailed };
  void OnEnded(uint64_t ordinal, Outcome outcome, int64_t unix_ms);
  // The run has ended: all that began and are not done yet.
  std::vector<CombinatorEvent> AtEnd();

 private:
  struct Combinator {
    bool pipeline = false;
    bool done = false;
    uint32_t calls = 0, open = 0, failed = 0;
    int64_t last_ended_unix_ms = 0;
  };
  static CombinatorEvent Done(const std::string& id, Combinator* combinator);

  std::map<std::string, Combinator> combinators_;     // by id
  std::map<uint64_t, std::vector<std::string>> of_;   // open calls: the ids around each
};

}  // namespace odw::client
