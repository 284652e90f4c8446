#include "tests/sim/sim_daemon.h"

namespace odw::sim {

void SimDaemon::Boot() {
  engine_ = std::make_unique<core::Engine>(settings_);
  gate_ = {};
  cut_ticket_ = opened_ticket_ = journal_->last_ticket();
  failed_ = crash_wanted_ = false;
  for (const auto& [run_id, run] : journal_->runs()) {
    if (!IsOpen(run.summary.state())) continue;
    for (const v1::Event& event : run.events) {
      if (const absl::Status status = engine_->Restore(run_id, event); !status.ok())
        Broken(MessageOf(status));
    }
  }
  context_->Note("daemon starts with " + std::to_string(engine_->world().runs.size()) +
                 " open runs");
  checker_->OnBoot(*journal_, *engine_);
  for (const auto& [run_id, run] : engine_->world().runs) {
    if (run->header.resumed_from().empty()) continue;
    engine_->SetReusable(run_id, journal_->ReusableOf(run->header.resumed_from()));
  }
  const core::Input none = core::Tick{};
  checker_->BeforeInput(none, *engine_);
  const uint32_t today = core::DayOf(absl::ToUnixMillis(context_->now));
  for (const auto& [run_id, run] : journal_->runs()) {
    if (IsOpen(run.summary.state()) || run.summary.usage_day() < today) continue;
    engine_->ChargeDay(run.summary.usage_day(), run.summary.day_usage());
  }
  engine_->FinishRecovery(context_->now);
  Perform(engine_->TakeEffects());
  checker_->AfterInput(*engine_);
  context_->coverage->Count("daemon starts");
}

void SimDaemon::NameCrash() {
  const auto holds = [&](bool condition, const char* point) {
    if (condition) context_->Passed(point);
  };
  holds(!mailbox_.empty(), "daemon: inputs unread");
  holds(!batch_.empty(), "daemon: handled, not queued for the journal");
  holds(journal_->queued(), "daemon: queued, not synced");
  holds(GateCanOpen(), "daemon: durable, gate shut");
  holds(quiet() && !journal_->syncing(), "daemon: idle");
}

void SimDaemon::Crash() {
  NameCrash();
  SimJournal::Inflight inflight = SimJournal::Inflight::kLost;
  if (journal_->syncing()) {
    const bool kept = context_->rng.OneIn(2);
    if (kept) inflight = SimJournal::Inflight::kKept;
    context_->Passed(kept ? "daemon: in a sync, which reached the disk"
                          : "daemon: in a sync, which was lost");
  }
  context_->Note("daemon killed");
  journal_->Crash(inflight);
  engine_.reset();
  gate_ = {};
  mailbox_.clear();
  batch_.clear();
  gate_has_uncut_ = false;
  outside_->DaemonDied();
}

void SimDaemon::HandleOne() {
  core::Input input = std::move(mailbox_.front());
  mailbox_.pop_front();
  Handle(std::move(input));
}

void SimDaemon::Handle(core::Input input) {
  static const char* const kNames[] = {
      "submit",         "stop",     "pause",    "unpause", "skip",           "restart",
      "workflow found", "turn",     "host gone", "attached", "detached",     "said",
      "journal failed", "tick"};
  context_->Note(std::string("handle ") + kNames[input.index()]);
  checker_->BeforeInput(input, *engine_);
  engine_->Handle(context_->now, input);
  Perform(engine_->TakeEffects());
  checker_->AfterInput(*engine_);
  if (engine_->hosts_active() > settings_.script_hosts_max)
    Broken("more hosts are active than allowed");
}

void SimDaemon::Perform(std::vector<core::Effect> effects) {
  for (core::Effect& effect : effects) {
    checker_->OnEffect(effect);
    auto* append = std::get_if<core::Append>(&effect);
    if (append == nullptr) continue;
    for (model::Value& value : append->values) {
      if (value.from_run.empty()) continue;
      value.bytes = std::make_shared<const std::string>(
          journal_->Read(value.from_run, value.ref, SimJournal::Reader::kGated));
      context_->coverage->Count("values taken from an earlier run");
    }
    batch_.push_back(std::move(*append));
  }
  for (core::Effect& effect : effects) {
    if (!std::holds_alternative<core::Append>(effect)) Do(std::move(effect));
  }
}

void SimDaemon::Do(core::Effect effect) {
  if (core::IsGated(effect)) {
    gate_.Hold(std::move(effect));
    gate_has_uncut_ = true;
    return;
  }
  if (const auto* start = std::get_if<core::HostStart>(&effect)) {
    outside_->StartHost(*start, Read(start->run_id, start->source.ref),
                        start->args ? Read(start->run_id, start->args->ref) : "");
  } else if (const auto* settle = std::get_if<core::HostSettle>(&effect)) {
    const bool has_value = settle->fill != core::HostSettle::Fill::kNone;
    outside_->SettleHost(*settle, has_value ? Read(settle->run_id, settle->value.ref) : "");
  } else if (const auto* find = std::get_if<core::FindWorkflow>(&effect)) {
    outside_->FindWorkflow(*find);
  } else if (const auto* release = std::get_if<core::HostRelease>(&effect)) {
    outside_->ReleaseHost(*release);
  } else {
    Release(std::move(effect));  // what a core that is wrong about its gate lets out at once
  }
}

std::string SimDaemon::Read(const std::string& run_id, const v1::Blob& blob) const {
  for (const core::Append& append : batch_) {
    if (append.run_id != run_id || blob.sha256().empty()) continue;
    for (const model::Value& value : append.values) {
      if (value.ref.sha256() == blob.sha256()) return *value.bytes;
    }
  }
  return journal_->Read(run_id, blob, SimJournal::Reader::kNotGated);
}

void SimDaemon::Cut() {
  JournalGroup group{.appends = std::exchange(batch_, {}), .summaries = engine_->TakeSummaries()};
  checker_->OnSummaries(group.summaries);
  // What appended nothing itself may rest on what was queued before.
  if (!group.appends.empty() || !group.summaries.empty()) journal_->Enqueue(std::move(group));
  cut_ticket_ = journal_->last_ticket();
  gate_.Cut(cut_ticket_);
  context_->Note("cut " + std::to_string(cut_ticket_));
  gate_has_uncut_ = false;
}

bool SimDaemon::GateCanOpen() const {
  return up() && !failed_ && !gate_.empty() &&
         (opened_ticket_ < journal_->durable_ticket() || cut_ticket_ <= journal_->durable_ticket());
}

void SimDaemon::OpenGate() {
  opened_ticket_ = journal_->durable_ticket();
  context_->Note("gate opens up to " + std::to_string(opened_ticket_));
  for (core::Effect& effect : gate_.Open(opened_ticket_)) {
    Release(std::move(effect));
    if (crash_wanted_ && !context_->calm && context_->rng.OneIn(2)) {
      context_->Passed("daemon: gate half open");
      return Crash();
    }
  }
}

void SimDaemon::Release(core::Effect effect) {
  checker_->OnRelease(effect, *journal_);
  v1::ToExecutor message;
  core::SessionId session = 0;
  if (auto* assign = std::get_if<core::SendAssign>(&effect)) {
    session = assign->session;
    const std::string& run_id = assign->assign.run_id();
    assign->assign.mutable_request()->set_prompt(
        journal_->Read(run_id, assign->prompt.ref, SimJournal::Reader::kGated));
    *message.mutable_assign() = std::move(assign->assign);
  } else if (auto* ack = std::get_if<core::SendAck>(&effect)) {
    session = ack->session;
    message.mutable_ack()->set_token(ack->token);
  } else if (auto* cancel = std::get_if<core::SendCancel>(&effect)) {
    session = cancel->session;
    message.mutable_cancel()->set_token(cancel->token);
    message.mutable_cancel()->set_reason(cancel->reason);
  } else if (auto* welcome = std::get_if<core::SendWelcome>(&effect)) {
    session = welcome->session;
    message.mutable_welcome();
  } else if (auto* close = std::get_if<core::CloseSession>(&effect)) {
    return outside_->CloseSession(close->session);
  } else if (auto* reply = std::get_if<core::Reply>(&effect)) {
    return outside_->OnReply(*reply);
  } else {
    return;  // RunEnded: the checker has seen it
  }
  outside_->SendTo(session, std::move(message));
}

void SimDaemon::FailJournal() {
  context_->Passed("journal: a sync failed");
  failed_ = true;  // what the disk holds of it is unknown until a restart reads it

  Post(core::JournalFailed{.status = absl::UnavailableError("no space left")});
}

void SimDaemon::ListFaults(const Faults& faults, Actions* actions) {
  if (!context_->faulty) return;
  if (faults.daemon_crash > 0 && (!quiet() || context_->rng.OneIn(4))) {
    actions->push_back({faults.daemon_crash, [this] { Crash(); }});
    if (!crash_wanted_) {
      actions->push_back({faults.daemon_crash, [this] { crash_wanted_ = true; }});
    }
  }
  if (faults.journal_failure > 0 && journal_->syncing()) {
    actions->push_back({faults.journal_failure, [this] { FailJournal(); }});
  }
}

void SimDaemon::List(const Faults& faults, Actions* actions) {
  if (!up()) {
    const bool again = !context_->calm && faults.daemon_crash > 0 && context_->rng.OneIn(6);
    actions->push_back({3, [this, again] {
                          Boot();
                          if (!again) return;
                          context_->Passed("daemon: just recovered");
                          Crash();
                        }});
    return;
  }
  if (failed_) {
    if (mailbox_.empty() || context_->rng.OneIn(8))
      return actions->push_back({4, [this] { Crash(); }});
    return actions->push_back({12, [this] { HandleOne(); }});
  }
  if (!mailbox_.empty()) actions->push_back({16, [this] { HandleOne(); }});
  if (engine_->NextWake() <= context_->now) actions->push_back({6, [this] { Tick(); }});
  if (!batch_.empty() || gate_has_uncut_ || !engine_->world().dirty.empty())
    actions->push_back({10, [this] { Cut(); }});
  if (journal_->syncing()) {
    actions->push_back({10, [this] { journal_->EndSync(); }});
  } else if (journal_->queued()) {
    actions->push_back({10, [this] { journal_->BeginSync(); }});
  }
  if (GateCanOpen()) actions->push_back({10, [this] { OpenGate(); }});
  ListFaults(faults, actions);
}

}  // namespace odw::sim
