// Runs the commands that the executor's config declares by name: arguments as an array, never a shell,
// each under a supervisor. Resolves to stdout less one trailing newline; with a schema, to the JSON there.
// Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "executors/config.h"
#include "executors/runtime.h"
#include "executors/task/supervisor_pool.h"
#include "executors/validator.h"

namespace odw::executors {

class CommandRuntime : public Runtime, private SupervisedTaskEvents {
 public:
  CommandRuntime(EventLoop* loop, std::map<std::string, CommandConfig> commands,
                 const std::string& tasks_folder, ZygoteHandle zygote, Validator* validator);

  void Describe(odw::v1::Register* out) const override;
  absl::StatusOr<std::vector<std::string>> Adopt(
      const std::function<bool(const std::string& token)>& stored) override;
  void Start(Task task) override;
  void Cancel(const std::string& token, const std::string& reason) override;
  void Stored(const std::string& token) override { pool_.Forget(token); }

 private:
  void OnTaskEnd(const TaskSpec& spec, odw::v1::Result result) override;
  void OnTaskLost(odw::v1::Lost lost) override { sink_->Lost(std::move(lost)); }
  absl::StatusOr<TaskSpec> MakeSpec(const Task& task) const;
  void Refuse(const std::string& token, odw::v1::ErrorCategory category, const std::string& message);

  const std::map<std::string, CommandConfig> commands_;
  Validator* const validator_;
  SupervisorPool pool_;
};

// What a result becomes once its text has been held against the schema.
void ApplyVerdict(const Verdict& verdict, odw::v1::Result* result);

}  // namespace odw::executors
