#include "daemon/script/run.h"

#include <utility>

#include "daemon/base/canonical_json.h"
#include "daemon/script/platform.h"
#include "daemon/script/v8_text.h"
#include "daemon/script/values.h"

namespace odw::script {
namespace {

constexpr uint32_t kTurnCpuMsDefault = 30000;
constexpr uint32_t kReplayLeniency = 10;  // a busy machine must not fail a run that once passed
constexpr uint32_t kResultBytesDefault = 64 << 20;
constexpr uint32_t kListLengthDefault = 4096;
constexpr uint32_t kHeapReportEveryTurns = 16;

uint32_t Or(uint32_t value, uint32_t fallback) { return value == 0 ? fallback : value; }

}  // namespace

Run::Run(const Parts& parts, uint64_t epoch, pb::Start start, std::unique_ptr<Realm> realm)
    : parts_(parts),
      epoch_(epoch),
      start_(std::move(start)),
      realm_(std::move(realm)),
      log_limit_(start_.log_lines_max(), start_.log_bytes_max()),
      rejections_(parts.engine) {
  start_.set_list_length_max(Or(start_.list_length_max(), kListLengthDefault));
  start_.set_turn_cpu_ms(Or(start_.turn_cpu_ms(), kTurnCpuMsDefault));
  start_.set_result_bytes_max(Or(start_.result_bytes_max(), kResultBytesDefault));
}

Run::~Run() = default;

void Run::Begin() {
  Turn(0, start_.replay(), [this] { StartBody(); });
}

void Run::Settle(const pb::Settle& settle) {
  if (ended_) return;
  Turn(settle.seq(), settle.replay(), [this, &settle] {
    budget_spent_ = settle.budget_spent();
    auto found = pending_.find(settle.call());
    if (found == pending_.end()) return;  // a cancelled timer, or a call of a child that has ended
    Pending pending = std::move(found->second);
    pending_.erase(found);
    Deliver(settle, std::move(pending));
  });
}

void Run::Turn(uint64_t seq, bool replay, const std::function<void()>& apply) {
  v8::Isolate* isolate = parts_.engine->isolate();
  const uint32_t cpu_ms_max = start_.turn_cpu_ms() * (replay ? kReplayLeniency : 1);
  const auto cut_off = [this] {
    return parts_.engine->out_of_memory() || parts_.watchdog->Fired();
  };
  parts_.output->Begin(epoch_, seq);
  pb::Turn last;
  parts_.watchdog->Arm(isolate, cpu_ms_max);
  {
    v8::HandleScope handles(isolate);
    v8::Context::Scope in_context(realm_->context());
    v8::TryCatch caught(isolate);
    apply();
    if (!ended_ && !cut_off()) parts_.queue->PerformCheckpoint(isolate);
    if (!ended_ && !cut_off()) CheckEnd(&last);
    if (ended_ && !cut_off()) ReportRejections();
  }
  last.set_cpu_us(parts_.watchdog->CpuMicrosSinceArm());
  const bool timed_out = parts_.watchdog->Disarm();
  if (timed_out || parts_.engine->out_of_memory()) {
    isolate->CancelTerminateExecution();
    terminated_ = true;
    last.clear_end();
    ReportCutOff(&last);
  }
  if (failed_to_start_) *last.mutable_thrown() = std::move(*failed_to_start_);
  failed_to_start_.reset();
  if (ended_ || turns_++ % kHeapReportEveryTurns == 0) heap_used_ = parts_.engine->heap_used();
  last.set_heap_used_bytes(heap_used_);
  parts_.output->Finish(std::move(last));
  finished_children_.clear();
  PumpV8Tasks(isolate);
}

void Run::StartBody() {
  v8::Isolate* isolate = parts_.engine->isolate();
  v8::TryCatch caught(isolate);
  parts_.engine->SetHeapMax(start_.heap_bytes_max());
  v8::Local<v8::Value> args = v8::Undefined(isolate);
  const bool has_args =
      !start_.has_args_json() || ParseJson(realm_->context(), start_.args_json()).ToLocal(&args);
  Realm::Settings settings{.dialect = start_.dialect(),
                           .list_length_max = start_.list_length_max(),
                           .budget_total = start_.budget_total(),
                           .has_budget = start_.has_budget_total(),
                           .odw_json = OdwJson()};
  if (!has_args) {
    pb::Thrown thrown;
    thrown.set_name("SyntaxError");
    thrown.set_message("args is not JSON");
    FailToStart(std::move(thrown));
    return;
  }
  v8::Local<v8::Promise> promise;
  std::string refusal = "the script could not be started";
  if (realm_->Open(this, "", settings, args) &&
      RunBody(realm_.get(), start_.script_name(), start_.source(), start_.dialect(), &refusal)
          .ToLocal(&promise)) {
    promise->MarkAsHandled();
    body_.Reset(isolate, promise);
    start_.clear_source();  // V8 has it
  } else if (!caught.HasTerminated()) {
    FailToStart(DescribeSyntaxError(realm_.get(), caught, refusal));
  }
}

// The run's id is known whatever the daemon tells.
std::string Run::OdwJson() const {
  if (!start_.odw_json().empty()) return start_.odw_json();
  return R"({"runId":)" + JsonQuote(start_.run_id()) + "}";
}

void Run::FailToStart(pb::Thrown thrown) {
  ended_ = true;
  failed_to_start_ = std::move(thrown);
}

void Run::ReportRejections() {
  v8::Isolate* isolate = parts_.engine->isolate();
  Rejections::Batch batch = rejections_.Take(body_.Get(isolate));
  for (v8::Local<v8::Value> reason : batch.reasons) {
    v8::HandleScope handles(isolate);
    v8::Local<v8::Value> text;
    if (!realm_->CallInternal("errorText", 1, &reason).ToLocal(&text)) return;
    Warn("unhandled rejection: " + FromV8(isolate, text));
  }
  if (batch.more > 0) Warn("and " + std::to_string(batch.more) + " more unhandled rejections");
}

void Run::CheckEnd(pb::Turn* turn) {
  v8::Isolate* isolate = parts_.engine->isolate();
  v8::Local<v8::Promise> body = body_.Get(isolate);
  if (body->State() == v8::Promise::kPending) return;
  ended_ = true;
  if (body->State() == v8::Promise::kRejected) {
    *turn->mutable_thrown() = DescribeThrown(realm_.get(), body->Result());
    return;
  }
  std::string json, problem;
  if (!SerializeResult(realm_.get(), body->Result(), &json, &problem)) {
    turn->mutable_thrown()->set_name("TypeError");
    turn->mutable_thrown()->set_message(problem);
    turn->mutable_thrown()->set_category("result_not_serializable");
  } else if (json.size() > start_.result_bytes_max()) {
    turn->mutable_thrown()->set_name("RangeError");
    turn->mutable_thrown()->set_message(
        "the result is " + std::to_string(json.size()) + " bytes of JSON; the limit is " +
        std::to_string(start_.result_bytes_max()) + " (result_bytes_max)");
    turn->mutable_thrown()->set_category("result_too_large");
  } else {
    turn->mutable_returned()->set_value_json(std::move(json));
  }
}

void Run::ReportCutOff(pb::Turn* turn) {
  ended_ = true;
  failed_to_start_.reset();
  pb::Thrown* thrown = turn->mutable_thrown();
  if (parts_.engine->out_of_memory()) {
    thrown->set_name("RangeError");
    thrown->set_message("Script ran out of memory: its heap reached " +
                        std::to_string(parts_.engine->heap_max() >> 20) + " MiB (heap_bytes_max)");
    thrown->set_category("out_of_memory");
  } else {
    thrown->set_name("Error");
    // The setting, in replay too: an error must not depend on whether a host was lost before.
    thrown->set_message("Script execution timed out after " + std::to_string(start_.turn_cpu_ms()) +
                        "ms");
    thrown->set_category("timeout");
  }
}

}  // namespace odw::script
