// How `claude -p` is started: flags, environment and folders, by what a request asks for. Loop
// thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executors/cli/cli_adapter.h"
#include "executors/cli/program.h"
#include "executors/config.h"

namespace odw::executors {

inline constexpr CliVersion kClaudeOldest = {2, 1, 0};
inline constexpr char kClaudeBaseUrlDefault[] = "https://api.anthropic.com";

class ClaudeAdapter : public CliAdapter {
 public:
  // Finds the program and asks it for its version. `folder`: this executor's own; home/ is made in
  // it. FailedPrecondition when there is none, or an older one than is known to work.
  static absl::StatusOr<std::unique_ptr<CliAdapter>> Make(const CliConfig& config,
                                                          const std::string& folder);

  void Describe(odw::v1::Register* out) const override;
  std::string program() const override { return program_; }
  std::string version() const override { return version_; }
  std::string NewSession() const override;
  std::string Transcript(const std::string& home, const std::string& session_id) const override;
  bool SchemaIsNative(const odw::v1::AgentRequest& request) const override;
  std::vector<std::string> NotEnforced(const odw::v1::AgentRequest& request) const override;
  absl::StatusOr<CliCommand> Command(const CliTurn& turn) const override;
  std::unique_ptr<CliReader> Reader(const CliTurn& turn) const override;

 private:
  ClaudeAdapter(CliConfig config, std::string home, std::string program, std::string version)
      : config_(std::move(config)),
        home_(std::move(home)),
        program_(std::move(program)),
        version_(std::move(version)) {}
  // The variable that holds the key; empty: there is none.
  std::string KeyVariable() const;
  void AddKey(CliCommand* command) const;
  std::string WhyNoRelay() const;

  const CliConfig config_;
  const std::string home_;
  const std::string program_;
  const std::string version_;
};

}  // namespace odw::executors
