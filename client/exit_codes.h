// The exit codes of odwctl: part of its interface, listed in README.md and in `odwctl --help`.
#pragma once

namespace odw::client {

enum class ExitCode : int {
  kOk = 0,
  kRunFailed = 1,     // the run failed; also a fault of odwctl's own, and doctor's
  kUsage = 2,         // bad flags or a bad script: nothing ran
  kUnacceptable = 3,  // the run completed, but --fail-on or --strict-ok says no
  kUnavailable = 4,   // no daemon, one of another version, or one that cannot accept work
  kNotFound = 5,      // no such run
  kRefused = 6,       // the run's state forbids it, the key is used already, or a limit is reached
  kStopped = 7,       // the run was stopped
  kNeedsAttention = 8,  // the run waits for a person
  kInterrupted = 130,   // Ctrl-C: odwctl ended, the run goes on
};

inline constexpr char kExitCodeHelp[] =
    "Exit codes:\n"
    "  0  ok\n"
    "  1  the run failed; doctor: something that is set up is broken\n"
    "  2  bad usage or bad script; nothing ran\n"
    "  3  the run completed, but --fail-on or --strict-ok says no\n"
    "  4  the daemon cannot be reached, or cannot accept work\n"
    "  5  no such run, or no such workflow\n"
    "  6  refused: the run's state forbids it, the idempotency key is used, or a limit is reached\n"
    "  7  the run was stopped\n"
    "  8  the run needs attention\n"
    "  130  interrupted; a submitted run goes on\n";

}  // namespace odw::client
