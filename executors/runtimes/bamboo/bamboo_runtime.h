// A light coding agent over OpenAI-compatible chat completions: asks, carries out the tools that
// the model calls in the node's folder, and asks again, until it answers in words; with a schema,
// as many repair turns in the same conversation as the request allows. Every message is in the
// task's turn log before it is acted on, so a killed executor goes on from the turn it had reached.
// Loop thread only.
//
// bamboo_runtime.cc: the life of a task. bamboo_turn.cc: one turn after another.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "executors/config.h"
#include "executors/redact.h"
#include "executors/runtime.h"
#include "executors/runtimes/bamboo/chat_stream.h"
#include "executors/runtimes/bamboo/command_runner.h"
#include "executors/runtimes/bamboo/conversation.h"
#include "executors/runtimes/bamboo/endpoint.h"
#include "executors/runtimes/bamboo/http_client.h"
#include "executors/runtimes/bamboo/provider.h"
#include "executors/runtimes/bamboo/workspace.h"
#include "executors/schema/schema_loop.h"
#include "executors/validator.h"

namespace odw::executors {

class BambooRuntime : public Runtime {
 public:
  // `folder`: this executor's own; turns/ and sessions/ are made in it. InvalidArgument, naming the
  // variable, when the environment lacks the URL or the key.
  static absl::StatusOr<std::unique_ptr<BambooRuntime>> FromEnvironment(EventLoop* loop,
                                                                        const BambooConfig& config,
                                                                        const std::string& folder,
                                                                        Validator* validator);
  ~BambooRuntime() override;

  void Describe(odw::v1::Register* out) const override;
  absl::StatusOr<std::vector<std::string>> Adopt(
      const std::function<bool(const std::string& token)>& stored) override;
  void Start(Task task) override;
  void Cancel(const std::string& token, const std::string& reason) override;
  void Stored(const std::string& token) override;

 private:
  struct Running {
    Task task;
    const Endpoint* endpoint = nullptr;
    ChatRequest request;
    Price price;  // of the request's model
    Conversation conversation;
    std::vector<std::string> tools;
    std::optional<SchemaLoop> schema;
    std::vector<ToolCall> open_calls;  // of the last answer, still to be carried out
    uint32_t malformed_in_a_row = 0;
    bool ran_commands = false;
    std::unique_ptr<ChatStream> stream;
    HttpClient::RequestId http = 0;
    CommandRunner::JobId command = 0;
    EventLoop::TimerId timeout = 0;
    EventLoop::TimerId idle = 0;
    absl::Duration idle_max;
    absl::Time last_byte;
    absl::Time last_progress;
    odw::v1::Result result;
  };
  BambooRuntime(EventLoop* loop, BambooConfig config, std::string folder,
                std::vector<Endpoint> endpoints, Validator* validator);

  // The life of a task.
  absl::Status Prepare(Running* running);
  absl::Status BeginConversation(Running* running);
  void ArmTimeout(const std::string& token);
  bool AnswerInterrupted(const std::string& token);
  void GoOn(const std::string& token);
  void Fail(const std::string& token, odw::v1::ErrorCategory category, const std::string& message);
  void FailWith(const std::string& token, odw::v1::Error error);
  void End(const std::string& token);
  std::string LogPath(const std::string& token) const { return folder_ + "/turns/" + token; }
  std::string SessionPath(const std::string& token) const { return folder_ + "/sessions/" + token; }
  void SweepSessions() const;

  // Turns.
  void Ask(const std::string& token);
  void OnData(const std::string& token, std::string_view bytes);
  void OnDone(const std::string& token, const HttpResponse& response);
  void OnAnswer(const std::string& token, ChatAnswer answer);
  void OnFinalAnswer(const std::string& token);
  void OnOutcome(const std::string& token, const SchemaOutcome& outcome);
  void NextCall(const std::string& token);
  void RunCommand(const std::string& token, const ToolCall& call);
  void Answered(const std::string& token, const std::string& text);
  void CheckIdle(const std::string& token);
  void Tell(const std::string& token);
  // False when it could not be written down; then the task has failed.
  bool Add(const std::string& token, TurnRecord record);

  EventLoop* const loop_;
  const BambooConfig config_;
  const std::string folder_;
  const std::vector<Endpoint> endpoints_;
  Validator* const validator_;
  const Redactor redactor_ = Redactor::OfEnvironment();
  HttpClient http_;
  CommandRunner commands_;
  absl::flat_hash_map<std::string, std::unique_ptr<Running>> running_;
  uint64_t failed_ = 0;
};

}  // namespace odw::executors
