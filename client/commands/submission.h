// What exec, submit, resume and plan share: the flags of a run, and the requests made of them. One
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/session.h"
#include "odw/v1/control.pb.h"

namespace CLI {
class App;
}

namespace odw::client {

// How a run goes. Empty and zero: the daemon's settings, or those of the run that is resumed.
struct RunFlags {
  std::string runtime;  // --runtime
  std::string backend;  // --backend
  std::string executor_config;
  std::string cwd;
  std::string model;
  std::string dialect;
  uint32_t concurrency = 0;
  uint32_t agents_max = 0;
  uint32_t list_length_max = 0;
  uint32_t schema_tries_max = 0;
  double budget_tokens = 0;
  std::string tokens_max;  // --max-tokens
  std::string cost_max;    // --max-cost
  std::string permission;
  std::string network;
  std::vector<std::string> fallback;
  bool strict_agent_types = false;
  bool include_dirty = false;
};

struct SubmissionFlags {
  std::string file;  // positional or --script; "-": stdin; or a saved workflow's name
  std::optional<std::string> args;  // --args; an empty string is one, too
  std::string args_file;            // --args-file; "-": stdin
  std::string key;
  RunFlags run;
};

// Adds the flags to `command`. `flags` outlives it. `as_odw`: the original's defaults.
void AddScriptFlags(CLI::App* command, SubmissionFlags* flags);
void AddRunFlags(CLI::App* command, RunFlags* flags, const Session& session);

// Options of a run; `cwd` stays empty where no flag names it.
absl::StatusOr<v1::RunOptions> MakeOptions(const RunFlags& flags);

v1::Dialect DialectOf(const RunFlags& flags);

// The executors that a private daemon is to have for such a run.
ExecutorWish WishOf(const RunFlags& flags);

// The script and args that the flags name, read. Usage failure that names what cannot be read.
// A `file` that is none but could be a saved workflow's name becomes `workflow` (SPEC A1).
absl::StatusOr<v1::SubmitRequest> MakeSubmission(const SubmissionFlags& flags);

// The args that the flags name; nothing where they name none.
absl::StatusOr<std::optional<std::string>> ReadArgs(const SubmissionFlags& flags);

// A script's bytes and the name it is shown under.
struct Script {
  std::string source;
  std::string name;
  std::string path;  // absolute; empty: stdin
};
absl::StatusOr<Script> ReadScript(const std::string& file);

// Whether `text` could be a workflow's name rather than a file: "review", "plugin:audit".
bool LooksLikeName(const std::string& text);

// A key of its own lets a call be repeated when the daemon goes away before it answers.
std::string RandomKey();

// Tells the session which executors the flags (or $ODW_RUNTIME) ask for; submits; says the warnings
// on stderr.
absl::StatusOr<v1::SubmitResponse> SubmitRun(Session& session, SubmissionFlags flags);
// `--args '{"a": 1'` is a string, but hardly meant to be: said so.
void WarnOfTornJson(const Console& console, const SubmissionFlags& flags);

void SayWarnings(Session& session, const v1::SubmitResponse& response);

}  // namespace odw::client
