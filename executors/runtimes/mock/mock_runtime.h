// The deterministic runtime for tests and first tries: what it answers follows from the prompt alone, its
// directives (directives.h) and the attempt's number. A waiting task is one timer. Loop thread only.
#pragma once

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "executors/event_loop.h"
#include "executors/runtime.h"
#include "executors/runtimes/mock/directives.h"
#include "executors/schema/schema_loop.h"
#include "executors/validator.h"

namespace odw::executors {

class MockRuntime : public Runtime {
 public:
  // Borrows both.
  MockRuntime(EventLoop* loop, Validator* validator);
  ~MockRuntime() override;

  void Describe(odw::v1::Register* out) const override { out->set_runtime("mock"); }
  void Start(Task task) override;
  void Cancel(const std::string& token, const std::string& reason) override;

 private:
  struct Running {
    Task task;
    MockPlan plan;
    int64_t started_unix_ms = 0;
    std::optional<SchemaLoop> schema;
    std::string raw_text;                // of the last answer that was held against the schema
    odw::v1::SchemaPath path = odw::v1::SCHEMA_PATH_NONE;
    EventLoop::TimerId timer = 0;  // 0: none, or it is with the validator
  };
  void Work(const std::string& token);
  void Answer(const std::string& token);
  void Judge(const std::string& token, const std::string& text);
  void OnOutcome(const std::string& token, const std::string& text, const SchemaOutcome& outcome);
  void OnSynthesized(const std::string& token, const Verdict& verdict);
  void Succeed(const std::string& token, std::string value, bool is_json);
  void Fail(const std::string& token, odw::v1::ErrorCategory category, const std::string& message);
  void End(const std::string& token, odw::v1::Result result);

  EventLoop* const loop_;
  Validator* const validator_;
  absl::flat_hash_map<std::string, Running> running_;
};

}  // namespace odw::executors
