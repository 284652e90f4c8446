#include "daemon/core/node_machine.h"

#include <algorithm>

#include "daemon/base/ids.h"
#include "daemon/core/failure_value.h"
#include "daemon/core/fallback.h"
#include "daemon/core/label.h"
#include "daemon/core/planted_bug.h"
#include "daemon/core/worktree_value.h"
#include "daemon/model/error_table.h"

namespace odw::core {
namespace {

constexpr size_t kErrorMessageBytesMax = 16 << 10;
constexpr size_t kSessionIdBytesMax = 256;
constexpr size_t kModelBytesMax = 200;
constexpr double kLargeTokens = 1.5e6;
constexpr uint16_t kLossesMax = 8;
constexpr uint16_t kLossesAtOnce = 3;
constexpr absl::Duration kFirstLossBackoff = absl::Seconds(1);
// A provider is waited for that often for as long as provider_wait_max (SPEC J8).
constexpr int kProviderWaitsMax = 2;

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

// Attempts that the node may have before a failure of this kind is final.
uint32_t TriesMax(const Run& run, const Node& node, const v1::Error& error) {
  const model::RetryRule& rule = model::InfoOf(error.category()).retry;
  if (!rule.retryable) return 1;
  const v1::RunSettings& settings = run.header.settings();
  uint32_t tries = rule.tries_max;
  if (error.category() == v1::STALL && settings.stall_tries_max() > 0) {
    tries = settings.stall_tries_max();
  }
  const uint32_t asked = node.details->request.attempts_max();
  if (run.header.dialect() == v1::ODW && asked > 0) tries = std::min(tries, asked);
  return tries;
}

// How the answer came about, and what it left in a work tree.
void KeepDetails(v1::Result* result, v1::AttemptEnded* ended, std::vector<model::Value>* values) {
  ended->set_provider(result->provider());
  ended->set_schema_path(result->schema_path());
  ended->set_repair_turns(result->repair_turns());
  *ended->mutable_not_enforced() = result->not_enforced();
  if (!result->has_worktree()) return;
  v1::Worktree* worktree = ended->mutable_worktree();
  *worktree = std::move(*result->mutable_worktree());
  values->push_back(model::MakeValue(std::move(*worktree->mutable_diff()->mutable_inline_())));
  *worktree->mutable_diff() = values->back().ref;
}

// SPEC O7.
void ShowWorktree(v1::Dialect dialect, v1::Result* result) {
  if (dialect != v1::ODW || !result->ok() || !result->has_worktree()) return;
  result->set_value(WithWorktree(
      result->value(), result->value_is_json() ? ValueForm::kJson : ValueForm::kText,
      result->worktree()));
  result->set_value_is_json(true);
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
  if (result.error().category() == v1::CANCELLED && SaysOverCeiling(result.error())) {
    result.mutable_error()->set_category(v1::BUDGET);
  }
  if (result.ok()) {
    world_->lanes.Succeeded(token);
    world_->breakers.Succeeded(token);
  } else {
    world_->lanes.Refused(token, result.error().category());
    world_->breakers.Failed(token, result.error(), world_->now());
  }
  Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(node, ref.attempt);
  const bool fenced = attempt != nullptr && attempt->fenced;
  const bool late_failure = !result.ok() && (attempt == nullptr || !attempt->live);
  if (ref.run->ended()) {
    v1::Event event;
    v1::LateUsage* late = event.mutable_late_usage();
    late->set_node(ref.node);
    late->set_attempt(ref.attempt);
    *late->mutable_usage() = result.usage();
    world_->Emit(ref.run, std::move(event));
  } else if ((node.decided() && !PlantedBug(Bug::kSettledSettlesAgain)) || fenced ||
             late_failure) {
    ++world_->stats.discarded_results;
    EmitEnded(ref, std::move(result), /*discarded=*/true);
  } else {
    OnAnswer(ref.run, ref.node, ref.attempt, std::move(result));
  }
  runs_->ReleaseAttempt(ref.run, token);
  world_->Do(SendAck{.session = session, .token = token});
}

void NodeMachine::OnSession(TokenRef ref, const v1::Progress& progress) {
  const std::string& session_id = progress.session_id();
  const Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(ref.run->node(ref.node), ref.attempt);
  const bool useful = HasAnswered(progress.usage_so_far()) && !session_id.empty() &&
                      session_id.size() <= kSessionIdBytesMax && !ref.run->ended() &&
                      node.phase != NodePhase::kSettled && attempt != nullptr && !attempt->fenced;
  if (!useful || (node.session && node.session->id == session_id)) return;
  v1::Event event;
  v1::SessionSeen* seen = event.mutable_session();
  seen->set_node(ref.node);
  seen->set_attempt(ref.attempt);
  seen->set_session_id(session_id);
  world_->Emit(ref.run, std::move(event));
}

void NodeMachine::OnUsage(TokenRef ref, const v1::Usage& so_far) {
  Run* run = ref.run;
  const Node& node = run->node(ref.node);
  const Attempt* attempt = FindAttempt(run->node(ref.node), ref.attempt);
  const bool counts = attempt != nullptr && attempt->awaited() && node.details != nullptr &&
                      !run->ended() && run->live.tokens.contains(attempt->token);
  if (!counts) return;
  const Executor* executor = world_->FindExecutor(attempt->executor_id);
  world_->meter.Tell(attempt->token, so_far,
                     executor == nullptr ? nullptr : PriceAt(executor->info, node.details->request));
  std::string passed = PassedBy(*run, world_->meter.SumOf(run->live.tokens));
  if (passed.empty()) passed = world_->day.PassedBy(world_->now_ms(), world_->meter.Sum());
  if (passed.empty() || !world_->meter.Stop(attempt->token)) return;
  runs_->CancelAttempts(run, ref.node, 0, kOverCeiling + passed);
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
  KeepDetails(&result, ended, &values);
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
  const double before = model::AllTokens(ref.run->usage);
  world_->Emit(ref.run, std::move(event), std::move(values));
  WarnOfTokens(ref.run, before);
}

// SPEC J7: advice, once a run.
void NodeMachine::WarnOfTokens(Run* run, double before) {
  if (before >= kLargeTokens || model::AllTokens(run->usage) < kLargeTokens) return;
  v1::Event warning;
  warning.mutable_line()->set_kind(v1::script::Line::WARNING);
  warning.mutable_line()->set_text(
      "a large workflow: it has used more than 1.5 million tokens; --max-tokens, --max-cost and --budget "
      "bound what it may spend");
  world_->Emit(run, std::move(warning));
}

void NodeMachine::OnAnswer(Run* run, NodeId id, uint32_t attempt, v1::Result result) {
  ShowWorktree(run->header.dialect(), &result);
  RefuseOversize(run->header.settings().result_bytes_max(), &result);
  const bool ok = result.ok();
  const v1::Error error = result.error();
  EmitEnded(TokenRef{run, id, attempt}, std::move(result), /*discarded=*/false);
  if (!ok) return OnFailure(run, id, error);
  runs_->CancelAttempts(run, id, attempt, "another attempt answered first");
  if (!run->paused()) SettleAnswered(run, id);
}

void NodeMachine::SettleAnswered(Run* run, NodeId id) {
  const AttemptAnswer& answer = *run->node(id).answer;
  if (!answer.ok) return SettleFailed(run, id, answer.error);
  v1::Settled settled;
  settled.set_outcome(answer.is_json ? v1::Settled::RESOLVE_JSON : v1::Settled::RESOLVE_TEXT);
  settled.set_attempt(answer.attempt);
  settled.set_end(v1::END_DONE);
  runs_->Settle(run, id, std::move(settled));
}

bool NodeMachine::TryAgain(Run* run, NodeId id, const v1::Error& error, bool counts) {
  const Node& node = run->node(id);
  const model::ErrorInfo& info = model::InfoOf(error.category());
  const uint32_t tries = node.tries_failed + 1;
  const uint32_t tries_max = TriesMax(*run, node, error);
  if (!info.retry.retryable || run->returned) return false;
  if (counts && tries >= tries_max) return false;
  const absl::Duration longest = world_->settings().provider_wait_max;
  const absl::Duration asked = absl::Milliseconds(error.retry_after_ms());
  const absl::Duration wait = model::BackoffAfter(
      info.retry, info.retry.counts ? tries : std::max(node.attempts_started, 1u), asked);
  const absl::Duration jittered = std::min(
      std::max(WithJitter(wait, run->id(), id, node.attempts_started), asked), longest);
  if (absl::Milliseconds(node.waited_ms) + jittered > kProviderWaitsMax * longest) return false;
  if (error.category() == v1::STALL) {
    SayStalled(run, id, tries, tries_max);
  }
  runs_->Requeue(run, id, world_->now() + jittered,
                 std::string(info.name) + ": " + error.message().substr(0, 500),
                 counts && info.retry.counts);
  return true;
}

// SPEC D15.
void NodeMachine::SayStalled(Run* run, NodeId id, uint32_t tries, uint32_t tries_max) {
  const Node& node = run->node(id);
  v1::Event event;
  event.mutable_line()->set_kind(v1::script::Line::WARNING);
  event.mutable_line()->set_text(
      "[stall] agent \"" + LabelOf(node, id) + "\" stalled (no progress) after " +
      std::to_string(StallMs(node.details->request) / 1000) + "s — retrying (" +
      std::to_string(tries) + "/" + std::to_string(tries_max - 1) + ")");
  world_->Emit(run, std::move(event));
}

bool NodeMachine::FallBack(Run* run, NodeId id, const v1::Error& error) {
  const Node& node = run->node(id);
  if (run->returned || !FallsBack(node.details->request, error.category())) return false;
  const std::string why = std::string(model::InfoOf(error.category()).name) + ": " +
                          error.message().substr(0, 500);
  runs_->FallBack(run, id, why);
  v1::Event line;
  line.mutable_line()->set_kind(v1::script::Line::WARNING);
  line.mutable_line()->set_text("[" + LabelOf(node, id) + "] goes on with " +
                                NameOfModel(node.details->request).substr(0, kModelBytesMax) +
                                ", for its model failed: " + why);
  world_->Emit(run, std::move(line));
  return true;
}

void NodeMachine::OnFailure(Run* run, NodeId id, const v1::Error& error) {
  // Another attempt is still at work: this one's failure decides nothing.
  if (run->node(id).phase != NodePhase::kAwaited) return;
  if (error.category() == v1::BUDGET && SaysOverCeiling(error) && !run->returned) {
    // No failure: what is left of the ceiling decides, and pauses the run where nothing is.
    return runs_->Requeue(run, id, absl::InfinitePast(), error.message(), /*counts=*/false);
  }
  if (TryAgain(run, id, error, /*counts=*/true) || FallBack(run, id, error) || run->paused()) return;
  SettleFailed(run, id, error);
}

void NodeMachine::OnShutOut(const ShutOut& call) {
  Run* run = call.run;
  if (run->ended() || run->returned || run->paused()) return;
  if (run->node(call.node).phase != NodePhase::kQueued) return;
  if (TryAgain(run, call.node, call.error, call.counts) || FallBack(run, call.node, call.error)) return;
  SettleFailed(run, call.node, call.error);
}

void NodeMachine::SettleFailed(Run* run, NodeId id, const v1::Error& error) {
  const Node& node = run->node(id);
  v1::Event line;
  line.mutable_line()->set_kind(v1::script::Line::WARNING);
  line.mutable_line()->set_text("[" + LabelOf(node, id) +
                                "] failed: " + error.message().substr(0, 1000));
  world_->Emit(run, std::move(line));
  runs_->CancelAttempts(run, id, 0, "the node has failed");
  Failure failure = FailureOf(run->header.dialect(), error, node.details->request,
                              /*tries=*/node.tries_failed + 1u);
  const bool told = node.answer != nullptr && node.answer->error.category() == error.category();
  if (!told && failure.settled.error_message().empty()) {  // no attempt tells of it
    failure.settled.set_error_message(error.message());
    failure.settled.set_error_code(model::InfoOf(error.category()).name);
  }
  runs_->Settle(run, id, std::move(failure.settled), std::move(failure.value));
}

void NodeMachine::OnAttemptLost(TokenRef ref, const Loss& loss) {
  Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(node, ref.attempt);
  if (attempt == nullptr) return;
  const std::string token = attempt->token;
  const bool fenced = attempt->fenced;  // then its end changes nothing, whatever its node is doing
  ++world_->stats.lost_attempts;
  if (!loss.given_up || PlantedBug(Bug::kGivenUpForgotten)) world_->tokens.erase(token);
  if (!ref.run->ended() && attempt->live && (!node.decided() || fenced)) {
    v1::Event event;
    v1::AttemptEnded* ended = event.mutable_attempt_ended();
    ended->set_node(ref.node);
    ended->set_attempt(ref.attempt);
    ended->mutable_error()->set_category(v1::HOST_LOST);
    ended->mutable_error()->set_message(loss.why);
    ended->set_re_executed(loss.re_executed && !fenced);
    ended->set_given_up(loss.given_up);
    ended->set_discarded(fenced);
    world_->Emit(ref.run, std::move(event));
    if (!fenced && node.phase == NodePhase::kAwaited) RepeatLost(ref.run, ref.node, loss.why);
  }
  runs_->ReleaseAttempt(ref.run, token);
  if (PlantedBug(Bug::kTokenOutlivesRun) && loss.given_up) world_->tokens[token] = ref;
}

// At once after the first losses. What loses its host each time is likely to be the cause: later ones
// wait, and there is an end, for every repeat is paid for.
void NodeMachine::RepeatLost(Run* run, NodeId id, const std::string& why) {
  const Node& node = run->node(id);
  if (node.losses >= kLossesMax && !run->returned) {
    v1::Error error = node.answer->error;
    error.set_message("lost with its host " + std::to_string(node.losses) + " times; the last: " + why);
    if (!run->paused()) SettleFailed(run, id, error);
    return;
  }
  absl::Duration wait = absl::ZeroDuration();
  if (node.losses > kLossesAtOnce) {
    wait = kFirstLossBackoff * (1 << (node.losses - kLossesAtOnce - 1));
  }
  runs_->Requeue(run, id, world_->now() + wait, why, /*counts=*/false);
}

NodeMachine::Lease NodeMachine::OnLeaseExpired(TokenRef ref, const std::string& executor_name) {
  Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(node, ref.attempt);
  if (attempt == nullptr) return Lease::kOver;
  const std::string why = "host lost: executor " + executor_name + " has not come back";
  if (ref.run->ended() || (node.decided() && !attempt->fenced)) {
    // Of an open run it stays known: should it come back finished, its usage counts.
    const std::string token = attempt->token;
    if (ref.run->ended()) world_->tokens.erase(token);
    runs_->ReleaseAttempt(ref.run, token);
    return Lease::kOver;
  }
  if (attempt->repeatable || attempt->fenced || PlantedBug(Bug::kSideEffectsRepeated)) {
    OnAttemptLost(ref, {.why = why, .re_executed = true, .given_up = true});
    return Lease::kOver;
  }
  if (node.phase == NodePhase::kRunning) {
    v1::Event event;
    event.mutable_blocked()->set_node(ref.node);
    event.mutable_blocked()->set_why(why + "; it may have side effects and is not repeated");
    runs_->LetGoOfDay(attempt->token);  // it may be gone for ever
    world_->Emit(ref.run, std::move(event));
  }
  return Lease::kKept;
}

void NodeMachine::OnAttemptBack(TokenRef ref, const Executor& executor) {
  Node& node = ref.run->node(ref.node);
  const Attempt* attempt = FindAttempt(node, ref.attempt);
  if (attempt == nullptr || ref.run->ended() || node.decided() || attempt->fenced) return;
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
