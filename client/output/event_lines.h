// A run's events as JSON lines for programs: odwd's own form, or the names of the original odw
// (SPEC O28), where one event may be no line or several. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "client/output/combinator_events.h"
#include "odw/v1/control.pb.h"

namespace odw::client {

enum class EventNames { kOdwd, kOriginal };

class EventLines {
 public:
  // `scope_of`: where in the script a call was made; asked once a call, for the original's names.
  using ScopeOf = std::function<std::string(uint64_t ordinal)>;
  EventLines(EventNames names, std::string run_id, ScopeOf scope_of = nullptr)
      : names_(names), run_id_(std::move(run_id)), scope_of_(std::move(scope_of)) {}

  // The lines of `event`, without line ends.
  std::vector<std::string> Of(const v1::WatchEvent& event);

  // The last lines: combinators that are done with the run, then the result, or why there is none.
  // Original names: workflow_done or workflow_error; odwd's: {"result","run"} with the run as in
  // `status --json`.
  std::vector<std::string> End(const v1::GetResultResponse& result);

 private:
  struct Seen {
    std::string phase;
    std::string label;
    std::string runtime;
    std::string model;
    uint32_t started = 0;  // the attempt of the last agent_start
    bool placed = false;   // its scope was asked for
  };
  std::vector<std::string> OfNode(const v1::NodeChanged& node, int64_t unix_ms);
  std::string Result(const v1::GetResultResponse& result) const;

  const EventNames names_;
  const std::string run_id_;
  const ScopeOf scope_of_;
  CombinatorEvents combinators_;
  std::string name_;
  std::map<uint64_t, Seen> nodes_;
};

}  // namespace odw::client
