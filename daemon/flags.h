// odwd's command line over its config file.
#pragma once

#include "daemon/base/status.h"
#include "daemon/config/config.h"

namespace odw {

struct Flags {
  config::Config config;
  bool show_version = false;
  bool show_help = false;
  bool manual_clock = false;  // only where odwd is built with ODW_TEST_CLOCK
};

// InvalidArgument names the flag and what it takes.
absl::StatusOr<Flags> ParseFlags(int argc, char** argv);

extern const char kUsage[];

}  // namespace odw
