#include "tests/sim/predict.h"

#include <algorithm>
#include <deque>

#include "daemon/core/failure_value.h"
#include "daemon/core/state.h"
#include "daemon/model/error_table.h"
#include "daemon/model/usage_math.h"
#include "odw/v1/types.pb.h"
#include "tests/sim/interpreter.h"

namespace odw::sim {
namespace {

// How many attempts a node with this plan has, when none is lost.
uint32_t AttemptsOf(const Plan& plan) {
  if (plan.category == v1::ERROR_CATEGORY_UNSPECIFIED) return 1;
  if (plan.failing != kFailsAlways) return plan.failing + 1;
  const model::RetryRule& rule = model::InfoOf(plan.category).retry;
  if (!rule.retryable) return 1;
  // A provider that says "in more than a day" is waited for twice.
  if (plan.retry_after_ms > 24u * 3600 * 1000) return std::min(rule.tries_max, 3u);
  return rule.tries_max;
}

class Undisturbed {
 public:
  explicit Undisturbed(const Program& program)
      : program_(program), script_(&program, program.args_json, /*host=*/0, /*replay=*/false) {}

  Prediction Run() {
    script_.Start();
    while (true) {
      v1::script::Turn turn = script_.TakeTurn();
      for (const v1::script::Call& call : turn.calls()) Answer(call);
      if (gave_up_) return Failed("refusals");
      if (turn.has_returned()) return Returned(turn.returned().value_json());
      if (turn.has_thrown()) return Failed(turn.thrown().message());
      if (settlements_.empty()) return Failed("deadlocked");
      const auto [call, outcome] = settlements_.front();
      settlements_.pop_front();
      script_.Settle(call, outcome);
    }
  }

 private:
  Prediction Returned(const std::string& json) {
    return With({.state = v1::COMPLETED, .result_json = json});
  }
  Prediction Failed(const std::string& part) {
    return With({.state = v1::FAILED, .error_part = part});
  }
  Prediction With(Prediction prediction) const {
    prediction.agents = agents_;
    prediction.input_tokens = usage_.input_tokens();
    prediction.output_tokens = usage_.output_tokens();
    return prediction;
  }

  void Answer(const v1::script::Call& call) {
    switch (call.kind()) {
      case v1::script::AGENT: return AnswerAgent(call);
      case v1::script::TIMER: settlements_.emplace_back(call.ordinal(), UndefinedOutcome()); return;
      case v1::script::WORKFLOW: {
        std::string text;
        if (!LookUp(call.name(), &text)) return Refuse(call.ordinal(), text, "");
        settlements_.emplace_back(call.ordinal(), JsonOutcome(text));
        return;
      }
      default: return;
    }
  }

  void Refuse(uint64_t call, const std::string& message, const std::string& code) {
    if (++refusals_ > program_.settings.call_refusals_max()) gave_up_ = true;
    settlements_.emplace_back(call, RejectionOutcome("Error", message, code));
  }

  void AnswerAgent(const v1::script::Call& call) {
    const v1::RunSettings& settings = program_.settings;
    if (++agents_ > settings.agents_max()) {
      return Refuse(
          call.ordinal(),
          "Workflow agent() call cap reached (" + std::to_string(settings.agents_max()) + ")",
          "limit");
    }
    if (settings.has_budget_total() && spent_ >= settings.budget_total()) {
      return Refuse(call.ordinal(),
                    "Workflow budget exhausted: " + std::to_string(static_cast<int64_t>(spent_)) +
                        " of " + std::to_string(static_cast<int64_t>(settings.budget_total())) +
                        " tokens",
                    "budget");
    }
    v1::AgentRequest request;
    request.ParseFromString(call.request());
    const Plan plan = PlanOf(request.prompt());
    const bool succeeds = SucceedsAtLast(plan);
    const uint32_t attempts = AttemptsOf(plan);
    for (uint32_t attempt = 1; attempt <= attempts; ++attempt) {
      const v1::Usage usage = AnswerTo(request.prompt(), attempt).usage();
      model::AddUsage(usage, &usage_);
      spent_ += core::SpentBy(program_.dialect, usage);
    }
    const v1::Result result = AnswerTo(request.prompt(), succeeds ? UINT32_MAX : 1);
    if (succeeds) {
      settlements_.emplace_back(call.ordinal(), result.value_is_json()
                                                    ? JsonOutcome(result.value())
                                                    : TextOutcome(result.value()));
      return;
    }
    const core::Failure failure =
        core::FailureOf(program_.dialect, result.error(), request, attempts);
    const v1::Settled& settled = failure.settled;
    if (settled.outcome() == v1::Settled::REJECT) {
      settlements_.emplace_back(
          call.ordinal(),
          RejectionOutcome(settled.error_name(), settled.error_message(), settled.error_code()));
    } else if (settled.outcome() == v1::Settled::RESOLVE_JSON) {
      settlements_.emplace_back(call.ordinal(), JsonOutcome(failure.value.ref.inline_()));
    } else {
      settlements_.emplace_back(call.ordinal(), JsonOutcome("null"));
    }
  }

  const Program& program_;
  Interpreter script_;
  std::deque<std::pair<uint64_t, Outcome>> settlements_;
  uint32_t agents_ = 0;
  uint32_t refusals_ = 0;
  bool gave_up_ = false;  // the run is failed for calling on after so many refusals
  double spent_ = 0;
  v1::Usage usage_;
};

}  // namespace

Prediction Predict(const Program& program) { return Undisturbed(program).Run(); }

}  // namespace odw::sim
