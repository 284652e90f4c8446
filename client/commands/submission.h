// The flags that exec and submit share, and the request made of them. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/session.h"
#include "odw/v1/control.pb.h"

namespace CLI {
class App;
}

namespace odw::client {

struct SubmissionFlags {
  std::string file;                 // positional or --script; "-": stdin
  std::optional<std::string> args;  // --args; an empty string is one, too
  std::string args_file;            // --args-file; "-": stdin
  std::string backend;
  std::string executor_config;
  std::string cwd;
  std::string model;
  std::string key;
  std::string dialect;
  uint32_t concurrency = 0;
  uint32_t agents_max = 0;
  uint32_t list_length_max = 0;
  double budget_tokens = 0;
};

// Adds the flags to `command`. `flags` outlives it.
void AddSubmissionFlags(CLI::App* command, SubmissionFlags* flags);

// Reads the script and the arguments. Usage failure that names what cannot be read.
absl::StatusOr<v1::SubmitRequest> MakeSubmission(const SubmissionFlags& flags);

// `text` as an argument value: itself when it is JSON, else a JSON string of it (SPEC I2).
std::string ArgsAsJson(const std::string& text);

// Tells the session which executors the flags ask for; submits; says the warnings on stderr.
absl::StatusOr<v1::SubmitResponse> SubmitRun(Session& session, const SubmissionFlags& flags);

}  // namespace odw::client
