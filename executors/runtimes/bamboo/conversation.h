// A task's conversation: what was said, kept in memory and in its turn log alike. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "executors/runtime.h"
#include "executors/runtimes/bamboo/turn.pb.h"
#include "executors/runtimes/bamboo/turn_log.h"

namespace odw::executors {

class Conversation {
 public:
  // A new one at `path`, which is replaced.
  absl::Status Begin(const std::string& path, const Task& task, int64_t started_unix_ms);
  // What a former process left at `path`. Its task (without the token), usage and counts are filled
  // in.
  absl::Status Load(const std::string& path, Task* task);
  // A new one at `path` for `task`, which goes on with the messages of the one at `from`.
  absl::Status Continue(const std::string& from, const std::string& path, const Task& task,
                        int64_t started_unix_ms);

  // Writes it down, then adds it.
  absl::Status Add(TurnRecord record);

  const std::vector<ChatMessage>& messages() const { return messages_; }
  int64_t started_unix_ms() const { return started_unix_ms_; }
  // Of all calls of this attempt.
  const odw::v1::Usage& usage() const { return usage_; }
  uint32_t turns() const { return turns_; }      // answers of the model in this attempt
  uint32_t repairs() const { return repairs_; }  // schema tries that did not fit
  const std::string& model() const { return model_; }
  const std::string& finish_reason() const { return finish_reason_; }  // of the last answer

  // Calls of the last assistant message that no tool message answers yet.
  std::vector<ToolCall> OpenCalls() const;
  // Shortens what is old until about `tokens_max` are left: results of tools, then reasoning, then
  // what calls carried. In memory alone.
  void Trim(uint64_t tokens_max);

 private:
  void Take(const TurnRecord& record);
  TurnLog log_;
  std::vector<ChatMessage> messages_;
  int64_t started_unix_ms_ = 0;
  odw::v1::Usage usage_;
  uint32_t turns_ = 0;
  uint32_t repairs_ = 0;
  std::string model_, finish_reason_;
};

}  // namespace odw::executors
