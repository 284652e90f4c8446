// Says what a silent run waits for: when no event has come for a while, asks the daemon and hands
// on each reason once ("blocked: no executor for codex"). Has a thread of its own; OnEvent and the
// destructor from any one thread, `note` is called from the other.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "client/connection/control_client.h"
#include "daemon/base/fd.h"

namespace odw::client {

class WaitNotes {
 public:
  // `client` outlives this.
  WaitNotes(ControlClient* client, std::string run_id,
            std::function<void(const std::string&)> note);
  ~WaitNotes();
  WaitNotes(const WaitNotes&) = delete;

  void OnEvent() { events_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void Loop();
  void Ask();

  ControlClient* const client_;
  const std::string run_id_;
  const std::function<void(const std::string&)> note_;
  std::atomic<uint64_t> events_{0};
  UniqueFd end_;                // eventfd
  std::set<std::string> said_;  // of the thread
  std::thread thread_;
};

}  // namespace odw::client
