// Runs an agent CLI for each task: one process a turn, each under a supervisor, so that neither the
// executor's death nor the CLI's own loses the work or leaves a second copy. A turn that does not
// fit the schema is followed by a repair turn on the same session. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "executors/cli/cli_adapter.h"
#include "executors/cli/line_tail.h"
#include "executors/runtime.h"
#include "executors/schema/schema_loop.h"
#include "executors/task/supervisor_pool.h"
#include "executors/validator.h"

namespace odw::executors {

struct CliOptions {
  std::string folder;  // this executor's own: tasks/ and work/ are made in it
  absl::Duration timeout = absl::Minutes(60);
  absl::Duration idle_timeout = absl::Minutes(15);
  uint64_t output_bytes_max = 64 << 20;  // of one turn's event stream
  bool home_per_node = false;
};

class CliRuntime : public Runtime, private SupervisedTaskEvents {
 public:
  // Borrows `loop` and `validator`.
  CliRuntime(EventLoop* loop, std::unique_ptr<CliAdapter> adapter, CliOptions options,
             ZygoteHandle zygote, Validator* validator);
  ~CliRuntime() override;

  void Describe(odw::v1::Register* out) const override;
  absl::StatusOr<std::vector<std::string>> Adopt(
      const std::function<bool(const std::string& token)>& stored) override;
  void Start(Task task) override;
  void Cancel(const std::string& token, const std::string& reason) override;
  void Stored(const std::string& token) override;

 private:
  struct Running {
    CliTask state;
    odw::v1::AgentRequest request;
    std::unique_ptr<CliReader> reader;  // of the live tail, for progress
    LineTail tail;
    std::string transcript;  // its path, once it is found
    LineTail transcript_tail;
    absl::Time followed_at = absl::InfinitePast();
    absl::Time transcript_look_at = absl::InfinitePast();
    EventLoop::TimerId timer = 0;
    std::string session_told;
    uint64_t tokens_told = 0;
    bool cancelled = false;
    odw::v1::Error hopeless;  // why it was ended by us, where it was
  };

  static constexpr uint32_t kTurnsMax = 64;  // of one task: schema tries and a session begun anew

  void OnTaskEnd(const TaskSpec& spec, odw::v1::Result end) override;
  void OnTaskLost(odw::v1::Lost lost) override;

  absl::Status StartTurn(const CliTask& state);
  void Follow(const CliTask& state);
  void Look(const std::string& token);
  bool OverBudget(const Running& running) const;
  void ReadTranscript(Running* running) const;
  void Tell(Running* running);
  CliTurn TurnOf(const CliTask& state, const odw::v1::AgentRequest& request) const;
  CliAnswer ReadAnswer(const TaskSpec& spec, const CliTurn& turn, const odw::v1::Result& end,
                       std::string transcript) const;
  void OnAnswer(const CliTask& state, CliAnswer answer);
  void OnOutcome(const std::string& token, const SchemaOutcome& outcome, bool native);
  void NextTurn(const std::string& token, const std::string& prompt);
  void Fail(const std::string& token, odw::v1::Error error);
  void End(const std::string& token, odw::v1::Result result);

  std::string WorkFolder(const std::string& token) const {
    return options_.folder + "/work/" + token;
  }
  absl::Status RemoveSuperseded();
  std::string HomeOf(const Task& task) const;
  void SweepHomes() const;

  EventLoop* const loop_;
  const std::unique_ptr<CliAdapter> adapter_;
  const CliOptions options_;
  Validator* const validator_;
  SupervisorPool pool_;
  absl::flat_hash_map<std::string, std::unique_ptr<Running>> running_;
  absl::flat_hash_map<std::string, std::string>
      spent_homes_;  // by token, until the result is stored
};

// The name of a turn's own task: TOKEN for the first, TOKEN.N for those after it. And back.
std::string TurnToken(const std::string& token, uint32_t turn);
std::string BaseToken(const std::string& turn_token);

}  // namespace odw::executors
