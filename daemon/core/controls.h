// What a person does to a live run: pause, unpause, skip a node, restart a node (SPEC L4, L5, P27, P46).
// Stop is RunMachine's. Of a command and a result the one journaled first wins (DESIGN, races).
#pragma once

#include "daemon/core/run_machine.h"

namespace odw::core {

class Controls {
 public:
  Controls(World* world, RunMachine* runs) : world_(world), runs_(runs) {}

  void OnPause(const PauseRun& pause);
  void OnUnpause(const UnpauseRun& unpause);
  void OnSkip(const SkipNode& skip);
  void OnRestart(const RestartNode& restart);

 private:
  World* const world_;
  RunMachine* const runs_;
};

}  // namespace odw::core
