// For the core's tests: an engine driven by hand, with what it appended and asked for.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/core/engine.h"

namespace odw::core {

// Drives an engine by hand and remembers what it appended, so that a second engine can be restored.
class EngineTest : public testing::Test {
 protected:
  void Handle(Input input) {
    engine_->Handle(now_, std::move(input));
    for (Effect& effect : engine_->TakeEffects()) {
      if (auto* append = std::get_if<Append>(&effect)) {
        v1::Event event;
        ASSERT_TRUE(event.ParseFromString(append->bytes));
        ASSERT_EQ(append->seq, log_.size() + 1);
        log_.push_back(event);
      } else {
        effects_.push_back(std::move(effect));
      }
    }
    for (v1::RunSummary& summary : engine_->TakeSummaries()) summary_ = std::move(summary);
  }

  template <typename T>
  std::vector<T> Take() {
    std::vector<T> taken;
    for (Effect& effect : effects_) {
      if (auto* e = std::get_if<T>(&effect)) taken.push_back(*e);
    }
    std::erase_if(effects_, [](const Effect& e) { return std::holds_alternative<T>(e); });
    return taken;
  }

  void SubmitRun(uint32_t concurrency = 2) {
    Submit submit{.request = 1, .source = "source"};
    submit.header.set_run_id("wf_test01");
    submit.header.set_owner("me");
    submit.header.set_dialect(v1::BUILTIN);
    v1::RunSettings* settings = submit.header.mutable_settings();
    settings->set_concurrency(concurrency);
    settings->set_agents_max(10);
    settings->set_default_runtime(runtime_);
    settings->set_call_refusals_max(10);
    settings->set_return_grace_ms(2000);
    settings->set_result_bytes_max(result_bytes_max_);
    submit.reusable = reusable_;
    if (prepare_) prepare_(&submit.header);
    Handle(std::move(submit));
  }

  // What an executor says it holds: tokens, and whether they are finished.
  using Held = std::vector<std::pair<std::string, bool>>;
  void Attach(SessionId session, Held held = {}, uint32_t pid = 1) {
    AttachAs("ex", session, std::move(held), pid);
  }
  void AttachAs(const std::string& executor, SessionId session, Held held = {}, uint32_t pid = 1) {
    ExecutorAttached attached{.session = session};
    attached.info.set_executor_id(executor);
    attached.info.set_session_epoch(session);
    attached.info.set_runtime(runtime_);
    attached.info.set_slots(slots_);
    attached.info.set_pid(pid);
    attached.info.set_supervised(supervised_);
    for (const auto& [name, currency] : models_) {
      v1::Model* model = attached.info.add_models();
      model->set_name(name);
      model->set_currency(currency);
      model->set_output_micros_per_mtok(10'000'000);
    }
    for (auto& [token, finished] : held) {
      v1::Held* task = attached.info.add_held();
      task->set_token(token);
      task->set_finished(finished);
    }
    Handle(std::move(attached));
  }

  v1::script::Call AgentCall(uint64_t ordinal, const std::string& prompt) {
    v1::AgentRequest request;
    request.set_prompt(prompt);
    v1::script::Call call;
    call.set_ordinal(ordinal);
    request.SerializeToString(call.mutable_request());
    return call;
  }

  void Turn(HostEpoch epoch, uint64_t seq, std::vector<v1::script::Call> calls,
            const std::string& returned = "") {
    HostTurn turn{.run_id = "wf_test01", .epoch = epoch};
    turn.turn.set_seq(seq);
    for (auto& call : calls) *turn.turn.add_calls() = call;
    if (!returned.empty()) turn.turn.mutable_returned()->set_value_json(returned);
    Handle(std::move(turn));
  }

  // Calls of a turn that goes on.
  void Frame(HostEpoch epoch, uint64_t seq, std::vector<v1::script::Call> calls) {
    HostTurn turn{.run_id = "wf_test01", .epoch = epoch};
    turn.turn.set_seq(seq);
    turn.turn.set_more(true);
    for (auto& call : calls) *turn.turn.add_calls() = call;
    Handle(std::move(turn));
  }

  v1::script::Call TimerCall(uint64_t ordinal, double delay_ms) {
    v1::script::Call call;
    call.set_ordinal(ordinal);
    call.set_kind(v1::script::TIMER);
    call.set_delay_ms(delay_ms);
    return call;
  }

  void Lose(SessionId session, const std::string& token, bool not_started) {
    ExecutorSaid said{.session = session};
    said.message.mutable_lost()->set_token(token);
    said.message.mutable_lost()->set_not_started(not_started);
    Handle(std::move(said));
  }

  // Lets time pass, second by second.
  void Pass(absl::Duration time) {
    for (const absl::Time end = now_ + time; now_ < end;) {
      now_ = std::min(end, now_ + absl::Seconds(1));
      Handle(Tick{});
    }
  }

  void Answer(SessionId session, const std::string& token, const std::string& value) {
    ExecutorSaid said{.session = session};
    v1::Result* result = said.message.mutable_result();
    result->set_token(token);
    result->set_ok(true);
    result->set_value(value);
    result->mutable_usage()->set_output_tokens(7);
    Handle(std::move(said));
  }

  void Fail(SessionId session, const std::string& token, v1::ErrorCategory category) {
    ExecutorSaid said{.session = session};
    v1::Result* result = said.message.mutable_result();
    result->set_token(token);
    result->mutable_error()->set_category(category);
    result->mutable_error()->set_message("no luck");
    result->mutable_usage()->set_output_tokens(7);
    Handle(std::move(said));
  }

  void Restart() {
    engine_ = std::make_unique<Engine>(settings_);
    effects_.clear();
    for (const v1::Event& event : log_) ASSERT_TRUE(engine_->Restore("wf_test01", event).ok());
    engine_->SetReusable("wf_test01", reusable_);
    engine_->FinishRecovery(now_);
    for (Effect& effect : engine_->TakeEffects()) effects_.push_back(std::move(effect));
  }

  // Commands by the run's owner, and how they are answered.
  struct Answered {
    absl::Status status;
    bool ok() const { return status.ok(); }
    absl::StatusCode code() const { return status.code(); }
  };
  Answered Pause() { return Command(PauseRun{.run_id = "wf_test01", .owner = "me"}); }
  Answered Unpause() { return Command(UnpauseRun{.run_id = "wf_test01", .owner = "me"}); }
  Answered Stop() { return Command(StopRun{.run_id = "wf_test01", .owner = "me"}); }
  Answered Skip(uint64_t node) {
    return Command(SkipNode{.run_id = "wf_test01", .owner = "me", .node = node});
  }
  Answered RestartCall(uint64_t node) {
    return Command(RestartNode{.run_id = "wf_test01", .owner = "me", .node = node});
  }
  template <typename T>
  Answered Command(T command) {
    Take<Reply>();
    command.request = 77;
    Handle(std::move(command));
    const std::vector<Reply> replies = Take<Reply>();
    if (replies.size() != 1) return {absl::InternalError("not one answer")};
    return {replies[0].status};
  }
  // Lines that the core said of itself, one after the other.
  std::string Warnings() {
    std::string all;
    for (const v1::Event& event : log_) {
      if (event.line().kind() == v1::script::Line::WARNING) all += event.line().text() + '\n';
    }
    return all;
  }

  const v1::RunEndedRecord& end() { return log_.back().ended(); }
  bool ended() { return log_.back().has_ended(); }
  const core::Run& run() { return *engine_->world().runs.at("wf_test01"); }

  Settings settings_;
  std::unique_ptr<Engine> engine_ = std::make_unique<Engine>(settings_);
  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::vector<v1::Event> log_;
  std::vector<Effect> effects_;
  v1::RunSummary summary_;  // the latest
  uint32_t slots_ = 8;      // of executors that attach
  bool supervised_ = false;
  std::vector<std::pair<std::string, std::string>> models_;  // what they serve: name, currency
  uint32_t result_bytes_max_ = 0;  // 0: none
  std::string runtime_ = "mock";
  std::function<void(v1::RunSubmitted*)> prepare_;  // the header of what SubmitRun submits
  std::shared_ptr<const ReuseTable> reusable_;
};

}  // namespace odw::core
