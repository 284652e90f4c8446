#include "tests/sim/sim_executor.h"

#include <algorithm>

namespace odw::sim {
namespace {

constexpr uint32_t kPidBase = 1000;

}  // namespace

void SimExecutor::StartProcess() {
  alive_ = true;
  welcomed_ = draining_ = spool_full_ = false;
  ++incarnation_;
  attaches_ = 0;
  stream_ = nullptr;
  // One that never began leaves no trace, and one in memory died with the process.
  std::erase_if(lost_, [&](const auto& entry) {
    return !config_.supervised || entry.second.lost.not_started();
  });
  for (auto& [token, offer] : outbox_) offer.offered = offer.cancelled = false;
  context_->coverage->Count("tasks adopted from a former process", tasks_.size());
  context_->Note(config_.id + " starts, incarnation " + std::to_string(incarnation_));
}

void SimExecutor::Connect() {
  epoch_ = static_cast<uint64_t>(incarnation_) << 32 | ++attaches_;
  welcomed_ = false;
  v1::Register hello;
  hello.set_protocol_version(1);
  hello.set_executor_id(config_.id);
  hello.set_name(config_.id);
  hello.set_session_epoch(epoch_);
  hello.set_runtime(config_.runtime);
  hello.set_slots(config_.slots);
  hello.set_pid(kPidBase + incarnation_);
  hello.set_supervised(config_.supervised);
  for (const std::string& command : config_.commands) hello.add_commands(command);
  for (const std::string& command : config_.read_only_commands)
    hello.add_read_only_commands(command);
  if (!config_.key_id.empty()) hello.add_credentials()->set_key_id(config_.key_id);
  if (!config_.price_currency.empty()) {
    v1::Model* model = hello.add_models();
    model->set_name("x");
    model->set_currency(config_.price_currency);
    model->set_output_micros_per_mtok(50'000);
  }
  for (const auto& [token, task] : tasks_) hello.add_held()->set_token(token);
  for (const v1::Result& result : fresh_) hello.add_held()->set_token(result.token());
  for (auto& [token, offer] : outbox_) {
    v1::Held* held = hello.add_held();
    held->set_token(token);
    held->set_finished(true);
    offer.offered = false;
  }
  for (auto& [token, untold] : lost_) {
    v1::Held* held = hello.add_held();
    held->set_token(token);
    held->set_finished(true);
    untold.told = false;
  }
  context_->Note(config_.id + " attaches, holding " + std::to_string(hello.held_size()));
  stream_ = network_->Connect(config_.id, std::move(hello));
}

void SimExecutor::Send(v1::FromExecutor message) {
  if (stream_ != nullptr && welcomed_ && !stream_->up_ended)
    stream_->up.push_back(std::move(message));
}

void SimExecutor::Read() {
  if (stream_->down.empty()) {  // the end
    network_->CloseClient(stream_);
    stream_ = nullptr;
    welcomed_ = false;
    return;
  }
  const v1::ToExecutor message = std::move(stream_->down.front());
  stream_->down.pop_front();
  if (message.has_welcome()) {
    welcomed_ = true;
    TellLost();
    if (draining_) {
      v1::FromExecutor draining;
      draining.mutable_draining();
      Send(std::move(draining));
    }
  } else if (message.has_assign()) {
    OnAssign(message.assign());
  } else if (message.has_ack()) {
    OnAck(message.ack().token());
  } else if (message.has_cancel()) {
    OnCancel(message.cancel());
  }
}

void SimExecutor::OnAssign(const v1::Assign& assign) {
  if (assign.session_epoch() != epoch_)
    Broken(config_.id + " was sent an assignment of another session");
  const std::string& token = assign.token();
  if (tasks_.contains(token)) Broken(config_.id + " was given a task it holds: " + token);
  if (draining_) return Refuse(token, "this executor is draining");
  if (tasks_.size() >= config_.slots) Broken(config_.id + " was given a task and has no free slot");
  Task& task = tasks_[token];
  task.assign = assign;
  if (!spool_full_) Begin(&task);
}

void SimExecutor::Begin(Task* task) {
  task->started = true;
  if (!ledger_->started.insert(task->assign.token()).second) {
    Broken("task " + task->assign.token() + " was started twice");
  }
  context_->coverage->Count("tasks started");
  TellSession(task->assign);
}

// Half of the model runtimes' tasks have a session of their own; commands have none.
void SimExecutor::TellSession(const v1::Assign& assign) {
  const std::string prefix = "s:" + config_.id + ":";
  if (!assign.resume_session().empty()) {
    context_->coverage->Count("sessions gone on with");
    if (assign.resume_session() != prefix + assign.resume_token()) {
      Broken(config_.id + " is to go on with a session that it does not have: " +
             assign.resume_session());
    }
  }
  if (config_.runtime == "command" || assign.token().back() % 2 == 0) return;
  v1::FromExecutor message;
  message.mutable_progress()->set_token(assign.token());
  message.mutable_progress()->set_session_id(prefix + assign.token());
  v1::Usage* so_far = message.mutable_progress()->mutable_usage_so_far();
  *so_far = AnswerTo(assign.request().prompt(), assign.attempt()).usage();
  so_far->set_output_tokens(1);
  Send(std::move(message));
}

void SimExecutor::Refuse(const std::string& token, const std::string& why) {
  v1::Lost lost;
  lost.set_token(token);
  lost.set_why(why);
  lost.set_not_started(true);
  context_->coverage->Count("assignments refused by a draining or full executor");
  lost_[token] = {.lost = std::move(lost)};
  TellLost();
}

void SimExecutor::TellLost() {
  if (!welcomed_) return;
  for (auto& [token, untold] : lost_) {
    if (std::exchange(untold.told, true)) continue;
    v1::FromExecutor message;
    *message.mutable_lost() = untold.lost;
    Send(std::move(message));
  }
}

void SimExecutor::OnCancel(const v1::Cancel& cancel) {
  const std::string& token = cancel.token();
  for (auto& [held, offer] : outbox_) {
    if (held != token) continue;
    if (offer.offered) return OnAck(token);  // nobody waits for it
    offer.cancelled = true;
    return;
  }
  const auto task = tasks_.find(token);
  if (task == tasks_.end()) return;
  if (!task->second.started) {
    tasks_.erase(task);
    return Refuse(token, "cancelled");
  }
  if (task->second.cancelled) return;
  task->second.cancelled = true;
  task->second.cancel_reason = cancel.reason();
  if (context_->rng.OneIn(4)) {  // hangs, and ends long after everybody has given it up
    task->second.not_before =
        context_->now + absl::Seconds(static_cast<double>(context_->rng.Between(1, 100)));
  }
}

void SimExecutor::OnAck(const std::string& token) {
  lost_.erase(token);
  std::erase_if(outbox_, [&](const auto& entry) { return entry.first == token; });
}

void SimExecutor::Finish(const std::string& token) {
  const auto found = tasks_.find(token);
  Task& task = found->second;
  v1::Result result;
  if (task.cancelled && !context_->rng.OneIn(3)) {
    result.mutable_error()->set_category(v1::CANCELLED);
    result.mutable_error()->set_message("cancelled: " + task.cancel_reason);
    result.mutable_usage()->set_input_tokens(1);
  } else {
    result = AnswerTo(task.assign.request().prompt(), task.assign.attempt());
    const uint64_t most = task.assign.request().output_tokens_max();
    // The others cannot be cut short: what they use beyond it is an overshoot.
    if (most > 0 && config_.runtime == "mock") {
      result.mutable_usage()->set_output_tokens(std::min(result.usage().output_tokens(), most));
    }
  }
  result.set_token(token);
  result.set_started_unix_ms(absl::ToUnixMillis(context_->now));
  result.set_ended_unix_ms(absl::ToUnixMillis(context_->now));
  fresh_.push_back(std::move(result));
  tasks_.erase(found);
}

void SimExecutor::Spool() {
  for (v1::Result& result : fresh_) {
    const std::string token = result.token();
    outbox_.emplace_back(token, Offer{.result = std::move(result)});
    context_->coverage->Count("results spooled");
  }
  fresh_.clear();
}

void SimExecutor::SendOffer(const std::string& token) {
  for (auto& [held, offer] : outbox_) {
    if (held != token) continue;
    if (offer.offered) context_->coverage->Count("results offered again");
    offer.offered = true;
    v1::FromExecutor message;
    *message.mutable_result() = offer.result;
    Send(std::move(message));
    if (offer.cancelled) OnAck(token);
    return;
  }
}

void SimExecutor::TaskDies(const std::string& token) {
  context_->Passed("task: its supervisor died");
  context_->Note("task " + token + " dies");
  ++ledger_->lost;
  tasks_.erase(token);
  v1::Lost lost;
  lost.set_token(token);
  lost.set_why("its supervisor died");
  lost_[token] = {.lost = std::move(lost)};
  TellLost();
}

void SimExecutor::Drain() {
  draining_ = true;
  context_->Note(config_.id + " drains");
  v1::FromExecutor message;
  message.mutable_draining();
  Send(std::move(message));
  for (auto task = tasks_.begin(); task != tasks_.end();) {
    if (task->second.started) {
      ++task;
    } else {
      Refuse(task->first, "this executor is draining");
      task = tasks_.erase(task);
    }
  }
}

void SimExecutor::NameDeath() const {
  bool running = false;
  for (const auto& [token, task] : tasks_) running |= task.started;
  if (running)
    context_->Passed(config_.supervised ? "executor: tasks under supervisors"
                                        : "executor: tasks in memory");
  if (!fresh_.empty()) context_->Passed("executor: finished, not spooled");
  for (const auto& [token, offer] : outbox_) {
    context_->Passed(offer.offered ? "executor: offered, not acknowledged"
                                   : "executor: spooled, not offered");
    break;
  }
  if (tasks_.empty() && fresh_.empty() && outbox_.empty()) context_->Passed("executor: idle");
}

void SimExecutor::Die() {
  NameDeath();
  context_->Note(config_.id + " dies");
  alive_ = welcomed_ = false;
  if (stream_ != nullptr) network_->CloseClient(stream_);
  stream_ = nullptr;
  if (!config_.supervised) {
    ledger_->lost += tasks_.size() + fresh_.size();
    tasks_.clear();
    fresh_.clear();
    return;
  }
  // A supervisor keeps the result until it is spooled; what waited for a slot was in memory.
  std::erase_if(tasks_, [](const auto& entry) { return !entry.second.started; });
}

void SimExecutor::CutOff(absl::Duration time) {
  if (stream_ != nullptr) network_->Break(stream_);
  away_until_ = context_->now + time;
}

void SimExecutor::LoseMachine() {
  context_->Passed("executor: its machine");
  ++ledger_->left_for_ever;
  if (alive_) Die();
  ledger_->lost += tasks_.size() + fresh_.size();
  tasks_.clear();
  fresh_.clear();
  outbox_.clear();
  lost_.clear();
  gone_ = true;
}

void SimExecutor::Leave() {
  if (stream_ != nullptr) network_->CloseClient(stream_);
  stream_ = nullptr;
  alive_ = welcomed_ = false;
  gone_ = true;
}

absl::Time SimExecutor::StubbornUntil() const {
  absl::Time until = absl::InfiniteFuture();
  for (const auto& [token, task] : tasks_) {
    if (task.not_before > context_->now) until = std::min(until, task.not_before);
  }
  return until;
}

void SimExecutor::ListTasks(const Faults& faults, Actions* actions) {
  for (auto& entry : tasks_) {
    const std::string* token = &entry.first;
    Task* task = &entry.second;
    if (!task->started) {
      if (alive_ && !spool_full_) actions->push_back({4, [this, task] { Begin(task); }});
      continue;
    }
    if (task->not_before <= context_->now &&
        (context_->calm || context_->rng.OneIn(config_.patience))) {
      actions->push_back({3, [this, token] { Finish(std::string(*token)); }});
    }
    if (context_->faulty && config_.supervised && alive_ && faults.task_death > 0) {
      actions->push_back({faults.task_death, [this, token] { TaskDies(std::string(*token)); }});
    }
  }
}

void SimExecutor::ListFaults(const Faults& faults, Actions* actions) {
  if (!context_->faulty) return;
  if (faults.executor_death > 0 && (!idle() || context_->rng.OneIn(8)))
    actions->push_back({faults.executor_death, [this] { Die(); }});
  if (faults.host_machine_gone > 0 && context_->rng.OneIn(20)) {
    actions->push_back({1, [this] { LoseMachine(); }});
  }
  if (faults.absence > 0 && stream_ == nullptr) {
    actions->push_back({faults.absence, [this] {
                          CutOff(absl::Seconds(static_cast<double>(context_->rng.Between(1, 30))));
                        }});
  }
  if (faults.drain > 0 && !draining_) actions->push_back({faults.drain, [this] { Drain(); }});
  if (faults.spool_full > 0 && !spool_full_) {
    actions->push_back({faults.spool_full, [this] { spool_full_ = true; }});
  }
}

void SimExecutor::List(const Faults& faults, bool daemon_up, Actions* actions) {
  if (gone_) return;
  ListTasks(faults, actions);
  if (!alive_) {
    actions->push_back({2, [this] { StartProcess(); }});
    return;
  }
  if (spool_full_) actions->push_back({2, [this] { spool_full_ = false; }});
  if (!fresh_.empty() && !spool_full_) actions->push_back({8, [this] { Spool(); }});
  if (stream_ == nullptr) {
    if (daemon_up && (context_->calm || away_until_ <= context_->now)) {
      actions->push_back({4, [this] { Connect(); }});
    }
  } else if (!stream_->down.empty() || stream_->down_ended) {
    actions->push_back({8, [this] { Read(); }});
  }
  if (welcomed_) {
    for (const auto& [held, offer] : outbox_) {
      const std::string* token = &held;
      if (!offer.offered) {
        actions->push_back({8, [this, token] { SendOffer(std::string(*token)); }});
        break;  // in finish order
      }
      if (!context_->calm && context_->rng.OneIn(10)) {
        actions->push_back({1, [this, token] { SendOffer(std::string(*token)); }});
      }
    }
  }
  if (draining_ && idle()) actions->push_back({4, [this] { Die(); }});
  ListFaults(faults, actions);
}

}  // namespace odw::sim
