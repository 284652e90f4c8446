// Runs the commands of the model's tools as children: bounded in time and output, told by callback.
// Loop thread only; no callback comes from inside Run or Kill.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "daemon/base/subprocess.h"
#include "executors/event_loop.h"

namespace odw::executors {

struct CommandJob {
  std::vector<std::string> argv;
  std::string cwd;
  std::string mark;                   // of the task: ODW_TASK in its environment
  std::vector<std::string> pass_env;  // names, beside PATH, HOME and the like
  absl::Duration timeout = absl::Minutes(2);
  size_t output_bytes_max = 1 << 20;  // of both streams together; what is beyond is dropped
};

struct CommandEnd {
  std::string output;
  int status = 0;  // minus the signal's number
  enum class How { kEnded, kTimedOut, kNotStarted } how = How::kEnded;
};

class CommandRunner {
 public:
  using JobId = uint64_t;
  using Done = std::function<void(CommandEnd end)>;

  explicit CommandRunner(EventLoop* loop);
  ~CommandRunner();

  JobId Run(const CommandJob& job, Done done);
  // SIGKILLs it with its session; no callback comes.
  void Kill(JobId id);

 private:
  struct Running;
  void Read(JobId id);
  void OnExit(JobId id);
  void Remove(JobId id);

  EventLoop* const loop_;
  JobId next_id_ = 1;
  absl::flat_hash_map<JobId, std::unique_ptr<Running>> running_;
};

// SIGKILLs whatever carries ODW_TASK=mark, until none is left. Walks the process table.
void KillTask(const std::string& mark);

}  // namespace odw::executors
