#include "tests/sim/sim_client.h"

namespace odw::sim {

void SimClient::Plan(const Program* program, std::string owner, std::string key) {
  submissions_.push_back({.program = program, .owner = std::move(owner), .key = std::move(key)});
}

void SimClient::PlanResume(const Program* program, const Program* old, v1::ResumeMode mode) {
  submissions_.push_back({.program = program, .owner = "bob", .resumes = old, .mode = mode});
}

std::string SimClient::RunToResume(const Submission& submission) const {
  std::string found;
  for (const auto& [run_id, program] : runs_) {
    const DurableRun* run = journal_->Find(run_id);
    if (run == nullptr || program != submission.resumes || run->summary.ended_unix_ms() == 0) continue;
    found = run_id;
  }
  return found;
}

std::string SimClient::BodyOf(const Submission& submission) {
  return HexOf(HashOf(submission.program->source + '|' + submission.program->args_json));
}

void SimClient::Send(Submission* submission) {
  core::Submit submit{.request = ++last_request_};
  submit.source = submission->program->source;
  if (!submission->program->args_json.empty()) submit.args_json = submission->program->args_json;
  submission->run_id = "wf_sim" + std::to_string(1000 + ++run_ids_);
  submission->request = submit.request;
  submission->state = State::kSent;
  runs_[submission->run_id] = submission->program;
  owners_[submission->run_id] = submission->owner;
  v1::RunSubmitted& header = submit.header;
  header.set_run_id(submission->run_id);
  header.set_owner(submission->owner);
  header.set_name("sim");
  header.set_idempotency_key(submission->key);
  header.set_body_sha256(BodyOf(*submission));
  header.set_dialect(submission->program->dialect);
  if (submission->resumes != nullptr) {
    header.set_resumed_from(RunToResume(*submission));
    header.set_resume_mode(submission->mode);
    submit.reusable = journal_->ReusableOf(header.resumed_from());
  }
  *header.mutable_settings() = submission->program->settings;
  // What has been answered once costs nothing, also where nothing may be spent.
  if (submission->resumes != nullptr && header.settings().has_budget_total() && context_->rng.OneIn(2)) {
    header.mutable_settings()->set_budget_total(0);
  }
  if (!submission->key.empty()) {
    for (const auto& [run_id, run] : journal_->runs()) {
      if (run.summary.owner() == submission->owner &&
          run.summary.idempotency_key() == submission->key) {
        submit.holder_of_key = run.summary;
      }
    }
  }
  context_->Note("client submits " + submission->run_id + " key '" + submission->key + "'");
  post_(std::move(submit));
}

void SimClient::Stop(const std::string& run_id) {
  stops_[++last_request_] = run_id;
  stopped_[run_id] = true;
  context_->Note("client stops " + run_id);
  post_(core::StopRun{.request = last_request_,
                      .run_id = run_id,
                      .owner = owners_.at(run_id),
                      .reason = "simulated"});
}

void SimClient::List(const Faults& faults, bool daemon_up, Actions* actions) {
  if (!daemon_up) return;
  for (size_t i = 0; i < submissions_.size(); ++i) {
    if (submissions_[i].state != State::kWaiting) continue;
    // In the end a run that never came is not waited for.
    const bool resumes = submissions_[i].resumes != nullptr;
    if (resumes && !context_->calm && RunToResume(submissions_[i]).empty()) continue;
    actions->push_back({2, [this, i] { Send(&submissions_[i]); }});
    break;
  }
  if (!context_->calm && context_->faulty && faults.commands > 0) ListCommands(faults, actions);
  if (context_->calm || faults.stop == 0) return;
  for (const auto& entry : runs_) {
    if (!checker_->IsReturning(entry.first) || stopped_.contains(entry.first)) continue;
    const std::string* run_id = &entry.first;
    actions->push_back({faults.stop, [this, run_id] { Stop(*run_id); }});
  }
  if (!context_->faulty || faults.stop == 0 || runs_.empty() || !context_->rng.OneIn(8)) return;
  auto run = runs_.begin();
  std::advance(run, static_cast<long>(context_->rng.Below(runs_.size())));
  const std::string* run_id = &run->first;
  actions->push_back({faults.stop, [this, run_id] { Stop(*run_id); }});
}

void SimClient::DaemonDied() {
  for (Submission& submission : submissions_) {
    if (submission.state != State::kSent) continue;
    // With a key it is safe to ask again; without one, nobody knows.
    submission.state = submission.key.empty() ? State::kUnknown : State::kWaiting;
  }
  stops_.clear();
  commands_.clear();
}

void SimClient::OnReply(const core::Reply& reply) {
  for (Submission& submission : submissions_) {
    if (submission.state == State::kSent && submission.request == reply.request) {
      return OnSubmitReply(reply, &submission);
    }
  }
  if (const auto stop = stops_.find(reply.request); stop != stops_.end()) {
    OnStopReply(reply, stop->second);
    stops_.erase(stop);
    return;
  }
  if (const auto command = commands_.find(reply.request); command != commands_.end()) {
    OnCommandReply(reply, command->second);
    commands_.erase(command);
    return;
  }
  Broken("an answer that nobody waits for");
}

void SimClient::OnSubmitReply(const core::Reply& reply, Submission* submission) {
  if (reply.status.code() == absl::StatusCode::kResourceExhausted) {
    context_->coverage->Count("submissions refused: too many open runs");
    submission->state = context_->calm ? State::kRefused : State::kWaiting;
    return;
  }
  const DurableRun* run = journal_->Find(reply.run_id);
  if (run == nullptr)
    Broken("a submission was answered with " + reply.run_id + " before that was durable");
  const bool same_body = run->summary.body_sha256() == BodyOf(*submission);
  if (reply.status.code() == absl::StatusCode::kAlreadyExists) {
    if (same_body) Broken("a repeated submission was refused as another one");
    context_->coverage->Count("keys reused with another body");
    submission->state = State::kRefused;
    return;
  }
  if (!reply.status.ok()) Broken("a submission failed: " + MessageOf(reply.status));
  if (!same_body)
    Broken("key '" + submission->key + "' gave another submission's run " + reply.run_id);
  if (reply.existing) context_->coverage->Count("keys answered with the first run");
  if (!reply.existing && reply.run_id != submission->run_id) Broken("a new run under another id");
  submission->run_id = reply.run_id;
  submission->state = State::kAccepted;
}

void SimClient::OnStopReply(const core::Reply& reply, const std::string& run_id) {
  const DurableRun* run = journal_->Find(run_id);
  if (reply.status.ok()) {
    if (run == nullptr || run->summary.state() != v1::KILLED)
      Broken(run_id + " was said to be stopped and is not");
  } else if (reply.status.code() == absl::StatusCode::kNotFound) {
    if (checker_->IsOpen(run_id)) Broken(run_id + " is open and was not found");
  } else if (run == nullptr || run->summary.ended_unix_ms() == 0) {
    Broken(run_id + " is open and refused to stop: " + MessageOf(reply.status));
  }
}

bool SimClient::done() const {
  for (const Submission& submission : submissions_) {
    if (submission.state == State::kWaiting || submission.state == State::kSent) return false;
  }
  return stops_.empty() && commands_.empty();
}

void SimClient::CheckPromises() const {
  std::map<std::string, std::string> keys;
  for (const auto& [run_id, run] : journal_->runs()) {
    if (run.events.empty() || run.summary.idempotency_key().empty()) continue;
    const std::string key = run.summary.owner() + '|' + run.summary.idempotency_key();
    if (!keys.emplace(key, run_id).second) Broken("two runs under the key " + key);
  }
  for (const Submission& submission : submissions_) {
    if (submission.state == State::kAccepted && journal_->Find(submission.run_id) == nullptr) {
      Broken(submission.run_id + " was accepted and is gone");
    }
  }
}

}  // namespace odw::sim
