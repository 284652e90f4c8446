// Those who submit and stop runs: with and without idempotency keys, trying again when an answer
// does not come, and holding the daemon to every answer it gave.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "daemon/core/input.h"
#include "tests/sim/action.h"
#include "tests/sim/checker.h"
#include "tests/sim/context.h"
#include "tests/sim/faults.h"
#include "tests/sim/program.h"
#include "tests/sim/sim_journal.h"

namespace odw::sim {

class SimClient {
 public:
  using Post = std::function<void(core::Input)>;
  SimClient(Context* context, const SimJournal* journal, const Checker* checker, Post post)
      : context_(context), journal_(journal), checker_(checker), post_(std::move(post)) {}

  // One more submission to be made some time.
  void Plan(const Program* program, std::string owner, std::string key);
  // And one that resumes a run of `old` once one has ended.
  void PlanResume(const Program* program, const Program* old, v1::ResumeMode mode);
  void List(const Faults& faults, bool daemon_up, Actions* actions);
  void OnReply(const core::Reply& reply);
  void DaemonDied();

  // Asks for the end of a run that cannot end by itself.
  void Stop(const std::string& run_id);
  // Ends every pause, at the end of a history.
  void UnpauseAll();
  bool done() const;
  // The program of each run that was ever submitted.
  const std::map<std::string, const Program*>& runs() const { return runs_; }
  // A call of it was to be skipped: what it returns is not what an undisturbed run returns.
  bool was_skipped(const std::string& run_id) const { return skipped_.contains(run_id); }
  bool was_stopped(const std::string& run_id) const { return stopped_.contains(run_id); }
  // Every answer that was given still holds. At the end of a history.
  void CheckPromises() const;

 private:
  enum class State { kWaiting, kSent, kAccepted, kRefused, kUnknown };
  struct Submission {
    const Program* program = nullptr;
    std::string owner, key;
    State state = State::kWaiting;
    std::string run_id;  // of the last try; the answer's once accepted
    core::RequestId request = 0;
    const Program* resumes = nullptr;  // a run of it
    v1::ResumeMode mode = v1::RESUME_CONTENT;
  };
  enum class Verb { kPause, kUnpause, kSkip, kRestart };
  struct Command {
    Verb verb;
    std::string run_id;
    uint64_t node = 0;
    bool raises = false;    // an unpause: the run's ceilings as well
    bool of_agent = false;  // when it was sent, the node was known and an agent call
  };

  // An ended run to resume; empty: none yet.
  std::string RunToResume(const Submission& submission) const;
  void ListCommands(const Faults& faults, Actions* actions);
  void Say(Command command);
  void OnCommandReply(const core::Reply& reply, const Command& command) const;
  void CheckDone(const Command& command, const DurableRun& run) const;
  bool MayRefuse(const Command& command, const DurableRun& run) const;
  void Send(Submission* submission);
  void OnSubmitReply(const core::Reply& reply, Submission* submission);
  void OnStopReply(const core::Reply& reply, const std::string& run_id);
  static std::string BodyOf(const Submission& submission);

  Context* const context_;
  const SimJournal* const journal_;
  const Checker* const checker_;
  const Post post_;
  core::RequestId last_request_ = 0;
  uint64_t run_ids_ = 0;
  std::vector<Submission> submissions_;
  std::map<core::RequestId, std::string> stops_;
  std::map<core::RequestId, Command> commands_;
  std::map<std::string, bool> skipped_;
  std::map<std::string, const Program*> runs_;
  std::map<std::string, std::string> owners_;  // of runs
  std::map<std::string, bool> stopped_;
};

}  // namespace odw::sim
