// OpenAI-compatible chat completions over HTTP: one answer without tools for each task, streamed; with a
// schema, as many repair turns in the same conversation as the config allows. The base URL and the key
// come from the environment; the key is sent as a header and appears nowhere else. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "executors/config.h"
#include "executors/runtime.h"
#include "executors/runtimes/bamboo/chat_stream.h"
#include "executors/runtimes/bamboo/http_client.h"
#include "executors/runtimes/bamboo/provider.h"
#include "executors/validator.h"

namespace odw::executors {

class BambooRuntime : public Runtime {
 public:
  // FailedPrecondition, naming the variable, when the environment lacks the URL or the key.
  static absl::StatusOr<std::unique_ptr<BambooRuntime>> FromEnvironment(EventLoop* loop,
                                                                        const BambooConfig& config,
                                                                        Validator* validator);
  ~BambooRuntime() override;

  void Describe(odw::v1::Register* out) const override;
  void Start(Task task) override;
  void Cancel(const std::string& token, const std::string& reason) override;

 private:
  struct Running {
    Task task;
    ChatRequest request;
    std::vector<ChatMessage> messages;
    std::unique_ptr<ChatStream> stream;
    HttpClient::RequestId http = 0;
    EventLoop::TimerId timeout = 0;
    EventLoop::TimerId idle = 0;
    absl::Time last_byte;
    absl::Time last_progress;
    odw::v1::Result result;  // filled in as it goes: usage, model, repair turns
  };
  BambooRuntime(EventLoop* loop, BambooConfig config, std::string url, std::string key,
                Validator* validator);

  void Ask(const std::string& token);
  void OnData(const std::string& token, std::string_view bytes);
  void OnDone(const std::string& token, const HttpResponse& response);
  void OnAnswer(const std::string& token, ChatAnswer answer);
  void CheckJson(const std::string& token, const std::string& text);
  void OnVerdict(const std::string& token, const std::string& json, const Verdict& verdict);
  void Repair(const std::string& token, const std::string& what);
  void CheckIdle(const std::string& token);
  void AddUsage(const odw::v1::Usage& turn, odw::v1::Usage* total) const;
  void Fail(const std::string& token, odw::v1::ErrorCategory category, const std::string& message);
  void FailWith(const std::string& token, odw::v1::Error error);
  void End(const std::string& token);

  EventLoop* const loop_;
  const BambooConfig config_;
  const std::string url_;
  const std::string key_;
  Validator* const validator_;
  HttpClient http_;
  absl::flat_hash_map<std::string, std::unique_ptr<Running>> running_;
};

}  // namespace odw::executors
