// The executor's side of supervised tasks: hands tasks to supervisors, adopts those of a former executor,
// notices each death, and proves that nothing of a dead one is left. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "executors/event_loop.h"
#include "executors/task/process_table.h"
#include "executors/task/task_file.h"
#include "executors/task/zygote.h"

namespace odw::executors {

class SupervisedTaskEvents {
 public:
  virtual ~SupervisedTaskEvents() = default;
  // The task's end, with its result as its supervisor wrote it. The file stays until Forget.
  virtual void OnTaskEnd(const TaskSpec& spec, odw::v1::Result result) = 0;
  // Gone without a result, and proved dead; its file is removed.
  virtual void OnTaskLost(odw::v1::Lost lost) = 0;
};

class SupervisorPool {
 public:
  // `folder`: the tasks' files; made if missing.
  SupervisorPool(EventLoop* loop, std::string folder, ZygoteHandle zygote, SupervisedTaskEvents* events);
  ~SupervisorPool();  // running tasks go on, for the next executor to adopt

  // Once, before Start: the tokens of what a former executor left, each of which will be reported. A task
  // whose result `stored` says to be in the spool is forgotten instead.
  absl::StatusOr<std::vector<std::string>> Adopt(const std::function<bool(const std::string&)>& stored);
  // Fails when the task cannot be written down (a full disk): then nothing of it is kept.
  absl::Status Start(const TaskSpec& spec);
  void Cancel(const std::string& token);
  // Removes the task's file.
  void Forget(const std::string& token);

 private:
  struct Supervisor {
    UniqueFd socket;
    std::string token;  // empty: idle
  };
  struct Running {
    TaskFile file;
    Supervisor* supervisor = nullptr;  // null: adopted, or between two tries
    UniqueFd adopted_pidfd;
    bool cancelled = false;
    int tries = 0;
    TaskOwner owner;  // adopted, or dead
    std::string mark; // of one whose supervisor is dead
    int clean_passes = 0;
  };

  void Dispatch(const std::string& token);
  void TryAgain(const std::string& token);
  absl::StatusOr<Supervisor*> FreeSupervisor();
  absl::Status StartSupervisor();
  void OnSupervisor(Supervisor* supervisor);
  void Retire(Supervisor* supervisor);
  void OnZygote();

  void AdoptOne(const std::string& token);
  void WatchAdopted(const std::string& token, const TaskOwner& owner);
  void OnDeath(const std::string& token);
  void Ended(const std::string& token, const TaskSpec& spec, odw::v1::Result result);
  void Hunt();
  void ReportLost(const std::string& token, const std::string& why, bool not_started);

  EventLoop* const loop_;
  const std::string folder_;
  ZygoteHandle zygote_;
  SupervisedTaskEvents* const events_;
  std::vector<std::unique_ptr<Supervisor>> supervisors_;
  std::vector<Supervisor*> idle_;
  absl::flat_hash_map<std::string, std::unique_ptr<Running>> running_;
  std::vector<std::string> hunted_;
  EventLoop::TimerId hunt_timer_ = 0;
};

}  // namespace odw::executors
