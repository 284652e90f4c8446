#include "executors/flags.h"

#include <stdlib.h>

#include <CLI/CLI.hpp>

#include "daemon/base/version.h"
#include "executors/make_runtime.h"

namespace odw::executors {
std::string DefaultStateRoot() {
  if (const char* state = getenv("ODW_STATE"); state != nullptr && *state != '\0') return state;
  if (const char* xdg = getenv("XDG_STATE_HOME"); xdg != nullptr && *xdg != '\0') {
    return std::string(xdg) + "/odw";
  }
  const char* home = getenv("HOME");
  return std::string(home != nullptr ? home : "/tmp") + "/.local/state/odw";
}

int ParseFlags(int argc, char** argv, Flags* flags) {
  CLI::App app("odw-executor: runs the tasks of one runtime for odwd.");
  app.set_version_flag("--version", std::string("odw-executor ") + kVersion);
  app.add_option("--runtime", flags->runtime, "mock, command, bamboo, claude or codex")
      ->check(CLI::IsMember(RuntimeNames()));
  app.add_option("--daemon", flags->daemon, "odwd's address: unix:PATH or IP:PORT");
  app.add_option("--token-file", flags->token_file, "the bearer token, for a TCP address");
  app.add_option("--state", flags->state,
                 "this executor's own folder (default: executors/NAME in $ODW_STATE or "
                 "~/.local/state/odw)");
  app.add_option("--config", flags->config, "settings in TOML: slots, labels, commands, claude, codex, bamboo");
  app.add_option("--slots", flags->slots, "tasks at once (default 16)")->check(CLI::Range(1, 100000));
  app.add_option("--name", flags->name, "name for people and for the state folder (default: the runtime)");
  double linger_seconds = absl::ToDoubleSeconds(flags->linger);
  app.add_option("--linger-seconds", linger_seconds, "leave after this time without a daemon (default 60)")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--daemonize", flags->daemonize, "go to the background once the state folder is taken");
  app.add_option("--log-file", flags->log_file, "where a --daemonize log goes (default STATE/executor.log)");
  app.add_option("--log-level", flags->log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_flag("--doctor", flags->doctor,
               "look at the runtime, without a daemon: prints one JSON object; status 1: broken");
  app.add_flag("--probe", flags->probe, "with --doctor: one prompt to each provider that has a key")
      ->needs("--doctor");
  app.add_option("--task-zygote", flags->task_zygote_fd, "internal")->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  flags->linger = absl::Seconds(linger_seconds);
  if (flags->task_zygote_fd >= 0) return -1;
  for (const auto& [value, name] : {std::pair{&flags->runtime, "--runtime"}, {&flags->daemon, "--daemon"}}) {
    if (!value->empty() || (flags->doctor && value == &flags->daemon)) continue;
    fprintf(stderr, "odw-executor: %s is required (see --help)\n", name);
    return 2;
  }
  return -1;
}

}  // namespace odw::executors
