// How `codex exec` is started: its own CODEX_HOME with a generated config.toml, flags by what a
// request asks for. The native binary is run, never npm's wrapper: a killed wrapper leaves it
// behind. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executors/cli/cli_adapter.h"
#include "executors/cli/program.h"
#include "executors/config.h"

namespace odw::executors {

inline constexpr CliVersion kCodexOldest = {0, 100, 0};
inline constexpr char kCodexBaseUrlDefault[] = "https://api.openai.com/v1";

class CodexAdapter : public CliAdapter {
 public:
  // Finds the program, asks it for its version and writes its config. `folder`: this executor's
  // own.
  static absl::StatusOr<std::unique_ptr<CliAdapter>> Make(const CliConfig& config,
                                                          const std::string& folder);

  void Describe(odw::v1::Register* out) const override;
  std::string program() const override { return program_; }
  std::string version() const override { return version_; }
  std::string NewSession() const override { return ""; }
  odw::v1::Usage SessionUsage(const std::string& session_id) const override;
  void RememberSession(const std::string& session_id, const odw::v1::Usage& usage) const override;
  std::string Transcript(const std::string& home, const std::string& session_id) const override;
  bool SchemaIsNative(const odw::v1::AgentRequest& request) const override;
  std::vector<std::string> NotEnforced(const odw::v1::AgentRequest& request) const override;
  absl::StatusOr<CliCommand> Command(const CliTurn& turn) const override;
  std::unique_ptr<CliReader> Reader(const CliTurn& turn) const override;

 private:
  CodexAdapter(CliConfig config, std::string home, std::string threads, std::string program,
               std::string version)
      : config_(std::move(config)),
        model_(config_.model.empty() ? kModelDefault : config_.model),
        home_(std::move(home)),
        threads_(std::move(threads)),
        program_(std::move(program)),
        version_(std::move(version)) {}
  absl::Status WriteConfig(const std::string& home) const;

  static constexpr char kModelDefault[] = "gpt-5.5";
  const CliConfig config_;
  const std::string model_;  // for requests that name none
  const std::string home_;
  const std::string threads_;  // a file for each thread: what it has used
  const std::string program_;
  const std::string version_;
};

}  // namespace odw::executors
