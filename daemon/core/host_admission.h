// Which runs have a script host, and what that host is fed. A host holds nothing that matters: a run
// whose host was taken away (parked) or died is replayed in another when something arrives for it.
//
// A host is fed ahead: settlements are sent without waiting for the turns before them, and the host
// works them off in order, one turn each.
#pragma once

#include <deque>
#include <string>

#include "daemon/core/world.h"

namespace odw::core {

class HostAdmission {
 public:
  explicit HostAdmission(World* world) : world_(world) {}

  // The run has something for its script: a start, or settlements that its host has not seen. Feeds the
  // host it has, or queues it for one.
  void Want(Run* run);
  // The run is paused: it waits for no host, and what it has is fed nothing more until Want.
  void Hold(Run* run);
  // It goes on: wants a host if anything was held back from it.
  void Unhold(Run* run);
  // The run's host is gone: the run has none.
  void Gone(Run* run);
  // The run needs no host any more. Frees the one it has.
  void Release(Run* run);
  // The run's host has nothing to do as of now.
  void Quiet(Run* run);

  // Gives free hosts to waiting runs, and parks quiet runs for them.
  void Admit();

  size_t active() const { return active_; }
  size_t waiting() const { return resumed_.size() + fresh_.size(); }

 private:
  void Start(Run* run);
  void Feed(Run* run);
  bool ParkOne();
  void RemoveActive(Run* run);

  World* const world_;
  size_t active_ = 0;
  HostEpoch last_epoch_ = 0;
  std::deque<Run*> resumed_;  // have history: first, so that started runs finish
  std::deque<Run*> fresh_;
  std::vector<Run*> active_runs_;
};

}  // namespace odw::core
