// One run of a script in this host: its realms, the calls that wait for a settlement, and the
// turns. A turn is: apply one input, drain microtasks, send what the script asked for. The
// isolate's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/script/engine.h"
#include "daemon/script/log_limit.h"
#include "daemon/script/realm.h"
#include "daemon/script/rejections.h"
#include "daemon/script/turn_output.h"
#include "daemon/script/watchdog.h"
#include "odw/v1/script.pb.h"
#include "v8.h"

namespace odw::script {

class Run {
 public:
  struct Parts {  // none owned; all outlive the run
    Engine* engine;
    Watchdog* watchdog;
    TurnOutput* output;
    v8::MicrotaskQueue* queue;
  };

  Run(const Parts& parts, uint64_t epoch, pb::Start start, std::unique_ptr<Realm> realm);
  ~Run();

  // The first turn.
  void Begin();
  // One turn. Nothing once the run has ended.
  void Settle(const pb::Settle& settle);

  bool ended() const { return ended_; }
  // Whether JavaScript was cut off in this isolate, which makes it unfit for another run.
  bool terminated() const { return terminated_; }

  // ---- For bindings.cc: what the script asks for. Each takes the next ordinal, but CancelTimer.
  // A promise of the realm; empty (exception pending) when refused.
  v8::MaybeLocal<v8::Promise> CallAgent(Realm* realm, const pb::AgentRequest& request,
                                        std::string scope);
  v8::MaybeLocal<v8::Promise> CallWorkflow(Realm* realm, pb::Call call,
                                           const std::string& child_path);
  // A JSON Schema's file (SPEC O3): a WORKFLOW call of this name, settled with {"source": its text}
  // or a rejection that says why it cannot be read. The daemon reads it as it reads the script_path
  // of a child workflow, from where that may be (SPEC H8, P37; model/workflow_registry.h).
  static constexpr char kSchemaFileName[] = "@schema";
  v8::MaybeLocal<v8::Promise> ReadSchemaFile(Realm* realm, const std::string& path,
                                             std::string scope);
  uint64_t StartTimer(Realm* realm, double delay_ms);
  void CancelTimer(Realm* realm, uint64_t ordinal);
  // Cut and counted by the log's limits.
  void AddLine(pb::Line::Kind kind, v8::Local<v8::String> text);
  void AddLine(pb::Line::Kind kind, std::string text);
  double budget_spent() const { return budget_spent_; }

  // ---- For run_children.cc: a child workflow's own body has ended.
  void ChildFulfilled(uint64_t ordinal, v8::Local<v8::Value> value);
  void ChildRejected(uint64_t ordinal, v8::Local<v8::Value> reason);

 private:
  struct Pending {
    pb::CallKind kind;
    Realm* realm = nullptr;  // where the promise lives
    v8::Global<v8::Promise::Resolver> resolver;
    std::string child_path, child_args;  // WORKFLOW
    bool child_has_args = false;
    bool is_file = false;  // WORKFLOW: a schema's file, not a child
  };
  struct Child {
    std::unique_ptr<Realm> realm;
    std::string name;
    Realm* parent;
    v8::Global<v8::Promise::Resolver> resolver;
  };

  void Turn(uint64_t seq, bool replay, const std::function<void()>& apply);
  void StartBody();
  void FailToStart(pb::Thrown thrown);
  void ReportRejections();
  void Deliver(const pb::Settle& settle, Pending pending);
  void StartChild(uint64_t ordinal, Pending pending, const std::string& value_json);
  void RejectParent(uint64_t ordinal, const pb::Thrown& thrown);
  void EndChild(uint64_t ordinal);
  bool MayCall();
  void CheckEnd(pb::Turn* turn);
  void ReportCutOff(pb::Turn* turn);
  v8::MaybeLocal<v8::Promise> NewPending(Realm* realm, uint64_t ordinal, Pending pending);
  // Runs a script in its realm; the promise of its result. Empty as CompileBody is.
  v8::MaybeLocal<v8::Promise> RunBody(Realm* realm, const std::string& name,
                                      const std::string& source, uint32_t dialect,
                                      std::string* refusal);
  std::string OdwJson() const;
  void Warn(std::string text);

  const Parts parts_;
  const uint64_t epoch_;
  pb::Start start_;
  const std::unique_ptr<Realm> realm_;
  v8::Global<v8::Promise> body_;
  LogLimit log_limit_;
  Rejections rejections_;
  std::unordered_map<uint64_t, Pending> pending_;
  std::unordered_map<uint64_t, Child> children_;
  std::vector<std::unique_ptr<Realm>> finished_children_;  // freed between turns
  std::optional<pb::Thrown> failed_to_start_;
  uint64_t last_ordinal_ = 0;
  uint64_t turns_ = 0;
  size_t heap_used_ = 0;
  double budget_spent_ = 0;
  bool ended_ = false;
  bool terminated_ = false;
};

}  // namespace odw::script
