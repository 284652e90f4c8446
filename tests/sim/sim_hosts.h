// The script hosts: each evaluates its run's Program, works off what it is fed one turn at a time,
// and may vanish at any moment, with what it had sent lost from some point on.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/core/engine.h"
#include "tests/sim/action.h"
#include "tests/sim/context.h"
#include "tests/sim/faults.h"
#include "tests/sim/interpreter.h"

namespace odw::sim {

class SimHosts {
 public:
  using Post = std::function<void(core::Input)>;
  SimHosts(Context* context, const std::map<std::string, Program>* programs, Post post)
      : context_(context), programs_(programs), post_(std::move(post)) {}

  void Start(const core::HostStart& start, const std::string& source, const std::string& args_json);
  void Settle(const core::HostSettle& settle, const std::string& value);
  void Release(const core::HostRelease& release);
  // The daemon is gone: every host sees the end of its socket.
  void DaemonDied() { hosts_.clear(); }

  // `engine` tells which deaths the core would take for the script's own fault.
  void List(const Faults& faults, const core::Engine& engine, Actions* actions);

 private:
  struct Item {
    uint64_t seq = 0;  // 0: Start
    uint64_t call = 0;
    Outcome outcome;
  };
  struct Host {
    std::string run_id;
    core::HostEpoch epoch = 0;
    const Program* program = nullptr;
    std::unique_ptr<Interpreter> script;
    bool replay = false;
    std::deque<Item> in;
    std::deque<core::Input> out;
    bool dead = false, released = false;
    std::optional<v1::script::Fatal> fatal;
  };

  Host* Find(const std::string& run_id, core::HostEpoch epoch);
  void Turn(Host* host);
  void Send(Host* host, v1::script::Turn turn);
  void Deliver(Host* host);
  void Die(Host* host);
  void NameDeath(const Host& host) const;

  Context* const context_;
  const std::map<std::string, Program>* const programs_;  // by source
  const Post post_;
  uint64_t hosts_made_ = 0;
  std::vector<std::unique_ptr<Host>> hosts_;
};

}  // namespace odw::sim
