#include "daemon/core/node_machine.h"

#include <algorithm>

#include "daemon/base/ids.h"
#include "daemon/core/failure_value.h"
#include "daemon/core/planted_bug.h"
#include "daemon/model/error_table.h"

namespace odw::core {
namespace {

constexpr size_t kErrorMessageBytesMax = 16 << 10;

// Half to all of the wait, spread by the node so that a crowd does not come back at once. No random
// numbers: the due time is journaled, and a simulation repeats itself.
absl::Duration WithJitter(absl::Duration wait, const std::string& run_id, NodeId node,
                          uint32_t attempt) {
  const std::string token = AttemptToken(run_id, node, attempt);
  const double share = static_cast<double>(std::stoul(token.substr(0, 4), nullptr, 16)) / 65535.0;
  return wait * (0.5 + 0.5 * share);
}

// The run's own limit; the executor has one of its own that no setting raises.
void RefuseOversize(uint32_t bytes_max, v1::Result* result) {
  const size_t bytes = result->value().size();
  if (!result->ok() || bytes_max == 0 || bytes <= bytes_max) return;
  result->set_ok(false);
  result->clear_value();
  result->mutable_error()->set_category(v1::OUTPUT_TOO_LARGE);
  result->mutable_error()->set_message("the result is " + std::to_string(bytes) +
                                       " bytes; the limit is " + std::to_string(bytes_max) +
                                       " (result_bytes_max)");
}

// What counts against budget.spent(): output tokens, or all tokens in the original's dialect (SPEC
// O8).
double SpentBy(v1::Dialect dialect, const v1::Usage& usage) {
  const double output = static_cast<double>(usage.output_tokens());
  if (dialect != v1::ODW) return output;
  return output + static_cast<double>(usage.input_tokens() + usage.cached_input_tokens());
}

}  // namespace

void NodeMachine::OnResult(SessionId session, v1::Result result) {
  const std::string token = result.token();
  const auto found = world_->tokens.find(token);
  if (found == world_->tokens.end()) {
    ++world_->stats.discarded_results;
    world_->Do(SendAck{.session = session, .token = token});
    return;
  }
  const TokenRef ref = found->second;
  if (!PlantedBug(Bug::kTokenCheckDropped)) world_->tokens.erase(found);
  ++world_->stats.results;
  Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(node, ref.attempt);
  const bool late_failure = !result.ok() && (attempt == nullptr || !attempt->live);
  if (ref.run->ended()) {
    v1::Event event;
    v1::LateUsage* late = event.mutable_late_usage();
    late->set_node(ref.node);
    late->set_attempt(ref.attempt);
    *late->mutable_usage() = result.usage();
    world_->Emit(ref.run, std::move(event));
  } else if ((node.phase == NodePhase::kSettled && !PlantedBug(Bug::kSettledSettlesAgain)) ||
             late_failure) {
    ++world_->stats.discarded_results;
    EmitEnded(ref, std::move(result), /*discarded=*/true);
  } else {
    OnAnswer(ref.run, ref.node, ref.attempt, std::move(result));
  }
  runs_->ReleaseAttempt(ref.run, token);
  world_->Do(SendAck{.session = session, .token = token});
}

void NodeMachine::EmitEnded(TokenRef ref, v1::Result result, bool discarded) {
  v1::Event event;
  v1::AttemptEnded* ended = event.mutable_attempt_ended();
  ended->set_node(ref.node);
  ended->set_attempt(ref.attempt);
  ended->set_ok(result.ok());
  ended->set_discarded(discarded);
  *ended->mutable_usage() = result.usage();
  ended->set_model(result.model());
  ended->set_started_unix_ms(result.started_unix_ms());
  ended->set_ended_unix_ms(result.ended_unix_ms());
  ended->set_session_id(result.session_id());
  std::vector<model::Value> values;
  if (result.ok() && !discarded) {
    values.push_back(model::MakeValue(std::move(*result.mutable_value())));
    *ended->mutable_value() = values.back().ref;
    ended->set_value_is_json(result.value_is_json());
  }
  if (!result.raw_text().empty()) {
    values.push_back(model::MakeValue(std::move(*result.mutable_raw_text())));
    *ended->mutable_raw_text() = values.back().ref;
  }
  if (!result.ok()) {
    *ended->mutable_error() = result.error();
    std::string* message = ended->mutable_error()->mutable_message();
    if (message->size() > kErrorMessageBytesMax) message->resize(kErrorMessageBytesMax);
  }
  world_->Emit(ref.run, std::move(event), std::move(values));
}

void NodeMachine::OnAnswer(Run* run, NodeId id, uint32_t attempt, v1::Result result) {
  RefuseOversize(run->header.settings().result_bytes_max(), &result);
  const bool ok = result.ok(), is_json = result.value_is_json();
  const v1::Error error = result.error();
  const v1::Usage usage = result.usage();
  EmitEnded(TokenRef{run, id, attempt}, std::move(result), /*discarded=*/false);
  if (ok) {
    SettleOk(run, id, attempt, is_json, usage);
  } else {
    OnFailure(run, id, error);
  }
}

void NodeMachine::SettleOk(Run* run, NodeId id, uint32_t attempt, bool is_json,
                           const v1::Usage& usage) {
  v1::Settled settled;
  settled.set_outcome(is_json ? v1::Settled::RESOLVE_JSON : v1::Settled::RESOLVE_TEXT);
  settled.set_attempt(attempt);
  settled.set_end(v1::END_DONE);
  settled.set_budget_spent(run->budget_spent + SpentBy(run->header.dialect(), usage));
  CancelOthers(run, id, attempt);
  runs_->Settle(run, id, std::move(settled));
}

void NodeMachine::CancelOthers(Run* run, NodeId id, uint32_t winner) {
  for (const Attempt& attempt : run->node(id).attempts) {
    if (PlantedBug(Bug::kLoserForgotten) && attempt.given_up) world_->tokens.erase(attempt.token);
    // One whose executor is away is cancelled when that comes back with it.
    if (attempt.number == winner || !run->live.tokens.contains(attempt.token)) continue;
    const Executor* executor = world_->FindExecutor(attempt.executor_id);
    if (executor == nullptr || !executor->connected()) continue;
    world_->Do(SendCancel{.session = executor->session,
                          .token = attempt.token,
                          .reason = "another attempt answered first"});
  }
}

void NodeMachine::OnFailure(Run* run, NodeId id, const v1::Error& error) {
  const Node& node = run->node(id);
  // Another attempt is still at work: this one's failure decides nothing.
  if (std::any_of(node.attempts.begin(), node.attempts.end(),
                  [](const Attempt& a) { return a.live; })) {
    return;
  }
  const model::RetryRule& rule = model::InfoOf(error.category()).retry;
  const uint32_t tries = node.tries_failed + 1;
  if (rule.retryable && tries < rule.tries_max && !run->returned) {
    const absl::Duration wait =
        model::BackoffAfter(rule, rule.counts ? tries : node.attempts_started,
                            absl::Milliseconds(error.retry_after_ms()));
    if (wait <= world_->settings().provider_wait_max) {
      const absl::Duration jittered =
          std::max(WithJitter(wait, run->id(), id, node.attempts_started),
                   absl::Milliseconds(error.retry_after_ms()));
      runs_->Requeue(
          run, id, world_->now() + jittered,
          std::string(model::InfoOf(error.category()).name) + ": " + error.message().substr(0, 500),
          rule.counts);
      return;
    }
  }
  SettleFailed(run, id, error);
}

void NodeMachine::SettleFailed(Run* run, NodeId id, const v1::Error& error) {
  const Node& node = run->node(id);
  std::string label = NodeName(id);
  if (node.details && !node.details->request.label().empty()) label = node.details->request.label();
  v1::Event line;
  line.mutable_line()->set_kind(v1::script::Line::WARNING);
  line.mutable_line()->set_text("[" + label.substr(0, 200) +
                                "] failed: " + error.message().substr(0, 1000));
  world_->Emit(run, std::move(line));

  const bool has_schema = node.details && !node.details->request.schema_json().empty();
  CancelOthers(run, id, 0);
  runs_->Settle(run, id, FailureSettlement(run->header.dialect(), error, has_schema));
}

void NodeMachine::OnAttemptLost(TokenRef ref, const Loss& loss) {
  Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(node, ref.attempt);
  if (attempt == nullptr) return;
  const std::string token = attempt->token;
  ++world_->stats.lost_attempts;
  if (!loss.given_up || PlantedBug(Bug::kGivenUpForgotten)) world_->tokens.erase(token);
  if (!ref.run->ended() && node.phase != NodePhase::kSettled && attempt->live) {
    v1::Event event;
    v1::AttemptEnded* ended = event.mutable_attempt_ended();
    ended->set_node(ref.node);
    ended->set_attempt(ref.attempt);
    ended->mutable_error()->set_category(v1::HOST_LOST);
    ended->mutable_error()->set_message(loss.why);
    ended->set_re_executed(loss.re_executed);
    ended->set_given_up(loss.given_up);
    world_->Emit(ref.run, std::move(event));
    if (node.phase == NodePhase::kAwaited) {
      runs_->Requeue(ref.run, ref.node, absl::InfinitePast(), loss.why, /*counts=*/false);
    }
  }
  runs_->ReleaseAttempt(ref.run, token);
  if (PlantedBug(Bug::kTokenOutlivesRun) && loss.given_up) world_->tokens[token] = ref;
}

NodeMachine::Lease NodeMachine::OnLeaseExpired(TokenRef ref, const std::string& executor_name) {
  Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(node, ref.attempt);
  if (attempt == nullptr) return Lease::kOver;
  const std::string why = "host lost: executor " + executor_name + " has not come back";
  if (ref.run->ended() || node.phase == NodePhase::kSettled) {
    // Of an open run it stays known: should it come back finished, its usage counts.
    const std::string token = attempt->token;
    if (ref.run->ended()) world_->tokens.erase(token);
    runs_->ReleaseAttempt(ref.run, token);
    return Lease::kOver;
  }
  if (attempt->repeatable || PlantedBug(Bug::kSideEffectsRepeated)) {
    OnAttemptLost(ref, {.why = why, .re_executed = true, .given_up = true});
    return Lease::kOver;
  }
  if (node.phase == NodePhase::kRunning) {
    v1::Event event;
    event.mutable_blocked()->set_node(ref.node);
    event.mutable_blocked()->set_why(why + "; it may have side effects and is not repeated");
    world_->Emit(ref.run, std::move(event));
  }
  return Lease::kKept;
}

void NodeMachine::OnAttemptBack(TokenRef ref, const Executor& executor) {
  Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(node, ref.attempt);
  if (attempt == nullptr || ref.run->ended() || node.phase == NodePhase::kSettled) return;
  ++world_->stats.adoptions;
  if (attempt->live && node.phase == NodePhase::kRunning) return;
  v1::Event event;
  v1::AttemptStarted* started = event.mutable_attempt_started();
  started->set_node(ref.node);
  started->set_attempt(ref.attempt);
  started->set_token(attempt->token);
  started->set_executor_id(executor.info.executor_id());
  started->set_executor_pid(executor.info.pid());
  started->set_repeatable(attempt->repeatable);
  world_->Emit(ref.run, std::move(event));
}

}  // namespace odw::core
