// What an agent CLI (claude, codex) is to the executor: how a turn of it is started, and how its
// output is read. CliRuntime does the rest. An adapter is used on the loop's thread only; a reader
// belongs to one turn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors {

struct CliTurn {
  odw::v1::AgentRequest request;
  std::string prompt;      // what this turn says
  std::string session_id;  // to begin under, or to go on with; empty: the CLI chooses one
  bool resumes = false;
  bool contract = false;  // the schema stands in the prompt: do not ask the CLI for it
  odw::v1::Usage
      session_usage;   // the session's before this turn, where the CLI counts over all of it
  std::string folder;  // of this task, for files of its own; exists
  std::string home;    // of this node; exists; empty: the adapter's for all
};

struct CliCommand {
  std::vector<std::string> before;  // words before the program: what confines it; may be empty
  std::vector<std::string> args;
  std::vector<std::string> env;       // "K=V"; no secrets: it is written down
  std::vector<std::string> pass_env;  // names whose values come from the executor's environment
  std::string
      secret_env;  // a name as in pass_env, but its value waits at descriptor 3; empty: none
  std::string input;
};

// What a turn came to.
struct CliAnswer {
  bool ok = false;
  std::string text;              // the model's last words
  std::string json;              // separated by the CLI where a schema was asked for natively
  odw::v1::Error error;          // !ok
  odw::v1::Usage usage;          // of this turn alone
  odw::v1::Usage session_usage;  // of the session up to here, where the CLI counts over all of it
  std::string model;
  std::string session_id;        // empty: none became known
  bool session_unknown = false;  // it could not go on with the session: begin another
  bool schema_refused = false;   // the CLI does not take the schema: put it into the prompt
  uint32_t schema_tries = 0;     // > 0: the CLI itself gave up on the schema after so many answers
};

// Reads a turn's stdout, line by line.
class CliReader {
 public:
  virtual ~CliReader() = default;
  virtual void Line(std::string_view line) = 0;
  // A line of the session's transcript, of earlier turns' too; in no order with those of stdout.
  virtual void TranscriptLine(std::string_view) {}
  // No more comes. `end`: how the process ended, its stderr's tail in the error's message.
  virtual CliAnswer Finish(const odw::v1::Result& end) = 0;

  // What is known while it runs; the usage with its cost, where the model has a price.
  virtual std::string session_id() const = 0;
  virtual odw::v1::Usage usage_so_far() const = 0;
  // Not empty: it will never end by itself, and why.
  virtual odw::v1::Error hopeless() const { return {}; }
};

class CliAdapter {
 public:
  virtual ~CliAdapter() = default;
  virtual void Describe(odw::v1::Register* out) const = 0;
  virtual std::string program() const = 0;  // absolute
  virtual std::string version() const = 0;
  // A session id to begin under, where the CLI lets one choose; else empty.
  virtual std::string NewSession() const = 0;
  // What the session had used when RememberSession was told last; for CLIs that count over all of
  // it.
  virtual odw::v1::Usage SessionUsage(const std::string&) const { return {}; }
  virtual void RememberSession(const std::string&, const odw::v1::Usage&) const {}
  // Where the CLI itself writes the session down as it goes: it tells there of each call's tokens,
  // which its stdout does not, or not in full. `home`: as in CliTurn. Empty: not there (yet).
  virtual std::string Transcript(const std::string& /*home*/, const std::string&) const {
    return "";
  }
  // Whether the CLI is asked for the schema in its own way, or in the prompt.
  virtual bool SchemaIsNative(const odw::v1::AgentRequest& request) const = 0;
  // What of the request's permissions this runtime cannot hold here.
  virtual std::vector<std::string> NotEnforced(const odw::v1::AgentRequest& request) const = 0;
  virtual absl::StatusOr<CliCommand> Command(const CliTurn& turn) const = 0;
  virtual std::unique_ptr<CliReader> Reader(const CliTurn& turn) const = 0;
};

}  // namespace odw::executors
