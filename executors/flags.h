// The command line of odw-executor, with its defaults filled in.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace odw::executors {

struct Flags {
  std::string runtime;
  std::string daemon;
  std::string token_file;
  std::string state;   // this executor's own folder; empty: executors/NAME under DefaultStateRoot()
  std::string config;
  uint32_t slots = 0;  // 0: not said
  std::string name;    // empty: not said
  absl::Duration linger = absl::Seconds(60);
  bool daemonize = false;
  std::string log_file;
  std::string log_level = "info";
  bool doctor = false;  // look at the runtime, print what was found as JSON, and end
  bool probe = false;   // with it: ask each provider for one short answer
  int task_zygote_fd = -1;  // internal: serve as the task zygote on this socket
};

// $ODW_STATE, else $XDG_STATE_HOME/odw, else ~/.local/state/odw.
std::string DefaultStateRoot();

// Returns -1 to go on, or the status to exit with (0 after --help and --version, 2 for a bad line, which
// has been explained on stderr).
int ParseFlags(int argc, char** argv, Flags* flags);

}  // namespace odw::executors
