// A run's events as JSON lines for programs: odwd's own form, or the names of the original odw
// (SPEC O28), where one event may be no line or several. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "odw/v1/control.pb.h"

namespace odw::client {

enum class EventNames { kOdwd, kOriginal };

class EventLines {
 public:
  EventLines(EventNames names, std::string run_id) : names_(names), run_id_(std::move(run_id)) {}

  // The lines of `event`, without line ends.
  std::vector<std::string> Of(const v1::WatchEvent& event);

  // The last line: the result, or why there is none. Original names: workflow_done or
  // workflow_error; odwd's: {"result","run"} with the run as in `status --json`.
  std::string End(const v1::GetResultResponse& result) const;

 private:
  struct Seen {
    std::string phase;
    std::string label;
    std::string runtime;
    std::string model;
    uint32_t started = 0;  // the attempt of the last agent_start
  };
  std::vector<std::string> OfNode(const v1::NodeChanged& node, int64_t unix_ms);

  const EventNames names_;
  const std::string run_id_;
  std::string name_;
  std::map<uint64_t, Seen> nodes_;
};

}  // namespace odw::client
