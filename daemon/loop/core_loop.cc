#include "daemon/loop/core_loop.h"

#include <algorithm>

#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"
#include "daemon/loop/recovery.h"

namespace odw::loop {
namespace {

constexpr size_t kInboxItemsMax = 65536;
// A group whose only hurry is an acknowledgement waits this long for the script's next calls.
constexpr absl::Duration kTurnHold = absl::Milliseconds(2);
constexpr absl::Duration kInfoInterval = absl::Milliseconds(100);

// Somebody is held up until this leaves; an Ack or a Cancel can wait for company.
bool IsUrgent(const core::Effect& effect) {
  return std::holds_alternative<core::SendAssign>(effect) || std::holds_alternative<core::Reply>(effect) ||
         std::holds_alternative<core::RunEnded>(effect) || std::holds_alternative<core::SendWelcome>(effect);
}

}  // namespace

CoreLoop::CoreLoop(CoreLoopOptions options, journal::Journal* journal, metrics::Metrics* metrics)
    : options_(std::move(options)),
      journal_(journal),
      metrics_(metrics),
      inbox_(kInboxItemsMax),
      commits_(kInboxItemsMax),
      engine_(options_.settings),
      core_metrics_(metrics) {
  hosts::HostEvents* const events = this;
  writer_ = std::make_unique<journal::JournalWriter>(
      journal_, [this](journal::Committed committed) { commits_.Post(std::move(committed)); });
  hosts_ = std::make_unique<hosts::HostPool>(
      hosts::HostPoolOptions{.binary = options_.script_binary}, &poller_,
      [this](const std::string& run_id, const v1::Blob& blob) { return writer_->ReadValue(run_id, blob); },
      events);
  poller_.Add(inbox_.wake_fd(), [](Poller::Ready) {});
  poller_.Add(commits_.wake_fd(), [](Poller::Ready) {});
}

CoreLoop::~CoreLoop() = default;

absl::Status CoreLoop::Start(rpc::Outbox* outbox) {
  outbox_ = outbox;
  ODW_RETURN_IF_ERROR(hosts_->Start());
  const absl::Time begin = absl::Now();
  ODW_ASSIGN_OR_RETURN(const Recovered recovered, RecoverRuns(journal_, &engine_));
  engine_.FinishRecovery(absl::Now());
  for (core::Effect& effect : engine_.TakeEffects()) Route(std::move(effect));
  if (recovered.runs > 0) {
    LogInfo("recovered " + std::to_string(recovered.runs) + " open runs from " +
            std::to_string(recovered.events) + " events in " +
            absl::FormatDuration(absl::Now() - begin));
  }
  PublishInfo();
  return absl::OkStatus();
}

void CoreLoop::Run() {
  while (!stopping_.load(std::memory_order_acquire)) Step();
  if (!group_.empty()) Cut();
  writer_.reset();  // writes what is queued
}

void CoreLoop::Stop() {
  stopping_.store(true, std::memory_order_release);
  inbox_.Post(core::Tick{});
}

absl::Duration CoreLoop::TimeToWait() const {
  if (!from_hosts_.empty()) return absl::ZeroDuration();
  absl::Time wake = std::min(engine_.NextWake(), hosts_->next_wake());
  if (!group_.empty() && NothingInFlight()) wake = std::min(wake, group_since_ + kTurnHold);
  if (info_stale_) wake = std::min(wake, info_at_ + kInfoInterval);
  return wake - absl::Now();
}

void CoreLoop::Step() {
  poller_.Wait(TimeToWait());
  commits_.TakeAll(&committed_);
  for (journal::Committed& committed : committed_) OnCommitted(std::move(committed));
  from_hosts_.swap(inputs_);
  for (core::Input& input : inputs_) HandleInput(std::move(input));
  inputs_.clear();
  std::vector<core::Input> posted;
  inbox_.TakeAll(&posted);
  for (core::Input& input : posted) HandleInput(std::move(input));
  const absl::Time now = absl::Now();
  if (engine_.NextWake() <= now) HandleInput(core::Tick{});
  hosts_->Flush(now);
  MaybeCut();
  if (info_stale_ && now >= info_at_ + kInfoInterval) PublishInfo();
}

void CoreLoop::OnTurn(const std::string& run_id, uint64_t epoch, v1::script::Turn turn) {
  from_hosts_.push_back(core::HostTurn{.run_id = run_id, .epoch = epoch, .turn = std::move(turn)});
}

void CoreLoop::OnHostGone(const std::string& run_id, uint64_t epoch,
                          std::optional<v1::script::Fatal> fatal) {
  from_hosts_.push_back(core::HostGone{.run_id = run_id, .epoch = epoch, .fatal = std::move(fatal)});
}

void CoreLoop::HandleInput(core::Input input) {
  if (failed_) {
    // Nothing can be made durable any more: a waiting caller learns why, the rest is not acted on.
    core::RequestId request = 0;
    if (auto* submit = std::get_if<core::Submit>(&input)) request = submit->request;
    if (auto* stop = std::get_if<core::StopRun>(&input)) request = stop->request;
    if (request != 0) {
      outbox_->CompleteReply({.request = request,
                              .status = absl::UnavailableError("the journal has stopped; restart odwd")});
    }
    return;
  }
  if (auto* submit = std::get_if<core::Submit>(&input);
      submit != nullptr && !submit->header.idempotency_key().empty() && !submit->holder_of_key) {
    // Read here, on the core's thread, so that no submission slips between look-up and decision.
    auto holder = journal_->FindByKey(submit->header.owner(), submit->header.idempotency_key());
    if (holder.ok()) submit->holder_of_key = *std::move(holder);
  }
  const uint64_t adoptions = engine_.world().stats.adoptions;
  info_stale_ = true;
  engine_.Handle(absl::Now(), std::move(input));
  if (engine_.world().stats.adoptions > adoptions) KillPoint("loop.adopted");
  for (core::Effect& effect : engine_.TakeEffects()) Route(std::move(effect));
}

void CoreLoop::Route(core::Effect effect) {
  if (auto* append = std::get_if<core::Append>(&effect)) return RouteAppend(std::move(*append));
  if (auto* start = std::get_if<core::HostStart>(&effect)) return RouteHostStart(std::move(*start));
  if (auto* settle = std::get_if<core::HostSettle>(&effect)) return RouteHostSettle(std::move(*settle));
  if (auto* release = std::get_if<core::HostRelease>(&effect)) {
    return hosts_->Release(release->run_id, release->epoch);
  }
  urgent_ |= IsUrgent(effect);
  gate_.Hold(std::move(effect));
}

void CoreLoop::RouteAppend(core::Append append) {
  core_metrics_.OnEvent(engine_, append);
  if (group_.empty()) group_since_ = absl::Now();
  for (model::Value& value : append.values) {
    group_.blobs.push_back({append.run_id, value.ref.sha256(), std::move(value.bytes)});
  }
  group_.events.push_back({std::move(append.run_id), append.seq, std::move(append.bytes)});
}

void CoreLoop::RouteHostStart(core::HostStart start) {
  // A host may ask for the source before its group is cut; what is not queued yet travels by value.
  if (start.start.replay()) KillPoint("loop.before_replay");
  hosts::PendingFrame frame;
  frame.frame.set_epoch(start.epoch);
  *frame.frame.mutable_start() = std::move(start.start);
  frame.fill = hosts::PendingFrame::Fill::kSource;
  frame.value = std::move(start.source);
  frame.args = std::move(start.args);
  AttachBytes(&frame.value);
  if (frame.args) AttachBytes(&*frame.args);
  hosts_->Begin(start.run_id, start.epoch, start.owner, std::move(frame));
}

void CoreLoop::RouteHostSettle(core::HostSettle settle) {
  KillPoint("loop.before_settle");
  hosts::PendingFrame frame;
  frame.frame.set_epoch(settle.epoch);
  *frame.frame.mutable_settle() = std::move(settle.settle);
  switch (settle.fill) {
    case core::HostSettle::Fill::kNone: break;
    case core::HostSettle::Fill::kJson: frame.fill = hosts::PendingFrame::Fill::kSettleJson; break;
    case core::HostSettle::Fill::kText: frame.fill = hosts::PendingFrame::Fill::kSettleText; break;
  }
  frame.value = std::move(settle.value);
  AttachBytes(&frame.value);
  hosts_->Push(settle.run_id, settle.epoch, std::move(frame));
}

void CoreLoop::AttachBytes(model::Value* value) const {
  if (value->is_inline() || value->bytes) return;
  // Newest first: what was appended in this step is what is asked for.
  for (auto blob = group_.blobs.rbegin(); blob != group_.blobs.rend(); ++blob) {
    if (blob->sha256 == value->ref.sha256()) {
      value->bytes = blob->bytes;
      return;
    }
  }
}

void CoreLoop::MaybeCut() {
  if (failed_) return;
  // A summary may change without an event: what a run waits for, when executors come and go.
  if (group_.empty() && engine_.world().dirty.empty()) {
    // Nothing new to rest on: what is held rests on groups that were cut before.
    if (gate_.has_uncut()) {
      gate_.Cut(last_ticket_);
      for (core::Effect& effect : gate_.Open(durable_ticket_)) Leave(std::move(effect));
    }
    urgent_ = false;
    return;
  }
  if (!NothingInFlight()) return;
  if (urgent_ || hosts_->turns_open() == 0 || absl::Now() >= group_since_ + kTurnHold) Cut();
}

void CoreLoop::Cut() {
  KillPoint("loop.before_cut");
  group_.summaries = engine_.TakeSummaries();
  last_ticket_ = writer_->Enqueue(std::exchange(group_, {}));
  gate_.Cut(last_ticket_);
  urgent_ = false;
}

void CoreLoop::OnCommitted(journal::Committed committed) {
  if (!committed.status.ok()) {
    if (failed_) return;
    failed_ = true;
    LogError("the journal stopped: " + MessageOf(committed.status) +
             ". Runs stop here; nothing acknowledged is lost. Free the disk and restart odwd");
    metrics_->JournalFailed();
    engine_.Handle(absl::Now(), core::JournalFailed{committed.status});
    outbox_->FailAll(committed.status);
    MutexLock lock(&info_mutex_);
    info_.set_journal_error(MessageOf(committed.status));
    return;
  }
  KillPoint("loop.after_commit");
  durable_ticket_ = committed.ticket;
  metrics_->Committed(committed.latency, committed.events);
  for (core::Effect& effect : gate_.Open(committed.ticket)) Leave(std::move(effect));
  outbox_->OnCommitted(committed.runs);
}

void CoreLoop::Leave(core::Effect effect) {
  if (auto* assign = std::get_if<core::SendAssign>(&effect)) {
    KillPoint("loop.before_assign");
    v1::ToExecutor message;
    *message.mutable_assign() = std::move(assign->assign);
    if (assign->prompt.is_inline()) {
      message.mutable_assign()->mutable_request()->set_prompt(assign->prompt.ref.inline_());
    } else {
      auto prompt = writer_->ReadValue(message.assign().run_id(), assign->prompt.ref);
      if (!prompt.ok()) {
        LogError("prompt of " + message.assign().run_id() + ": " + MessageOf(prompt.status()));
        return FailAssign(assign->session, message.assign().token(), prompt.status());
      }
      message.mutable_assign()->mutable_request()->set_prompt(*std::move(prompt));
    }
    outbox_->Send(assign->session, std::move(message));
  } else if (auto* ack = std::get_if<core::SendAck>(&effect)) {
    KillPoint("loop.before_ack");
    v1::ToExecutor message;
    message.mutable_ack()->set_token(std::move(ack->token));
    outbox_->Send(ack->session, std::move(message));
  } else if (auto* cancel = std::get_if<core::SendCancel>(&effect)) {
    v1::ToExecutor message;
    message.mutable_cancel()->set_token(std::move(cancel->token));
    message.mutable_cancel()->set_reason(std::move(cancel->reason));
    outbox_->Send(cancel->session, std::move(message));
  } else if (auto* welcome = std::get_if<core::SendWelcome>(&effect)) {
    v1::ToExecutor message;
    message.mutable_welcome()->set_heartbeat_interval_ms(options_.heartbeat_interval_ms);
    message.mutable_welcome()->set_daemon_version(options_.daemon_version);
    outbox_->Send(welcome->session, std::move(message));
  } else if (auto* close = std::get_if<core::CloseSession>(&effect)) {
    outbox_->CloseSession(close->session, std::move(close->why));
  } else if (auto* reply = std::get_if<core::Reply>(&effect)) {
    KillPoint("loop.before_reply");
    outbox_->CompleteReply(std::move(*reply));
  } else if (auto* ended = std::get_if<core::RunEnded>(&effect)) {
    outbox_->OnRunEnded(ended->run_id);
  }
}

// An assignment whose prompt the journal cannot give back: the attempt fails by name instead of hanging.
void CoreLoop::FailAssign(core::SessionId session, const std::string& token, const absl::Status& why) {
  core::ExecutorSaid said{.session = session};
  v1::Result* result = said.message.mutable_result();
  result->set_token(token);
  result->mutable_error()->set_category(v1::INTERNAL);
  result->mutable_error()->set_message("the prompt cannot be read from the journal: " + MessageOf(why));
  from_hosts_.push_back(std::move(said));
}

v1::Versions CoreLoop::Versions() const {
  const hosts::HostVersions hosts = hosts_->versions();
  v1::Versions versions;
  versions.set_odw(options_.daemon_version);
  versions.set_prelude(hosts.prelude);
  versions.set_v8(hosts.v8);
  versions.set_icu(hosts.icu);
  versions.set_corejs(hosts.corejs);
  return versions;
}

absl::Status CoreLoop::Healthy() const {
  MutexLock lock(&info_mutex_);
  if (info_.journal_error().empty()) return absl::OkStatus();
  return absl::UnavailableError("the journal has stopped: " + info_.journal_error());
}

void CoreLoop::PublishInfo() {
  info_at_ = absl::Now();
  info_stale_ = false;
  const core::World& world = engine_.world();
  open_runs_.store(static_cast<uint32_t>(std::count_if(
                       world.runs.begin(), world.runs.end(), [](auto& run) { return !run.second->ended(); })),
                   std::memory_order_relaxed);
  core_metrics_.Publish(engine_, hosts_->alive(), options_.settings.script_hosts_max);
  v1::Info info;
  info.set_open_runs(open_runs());
  info.set_script_hosts(static_cast<uint32_t>(hosts_->alive()));
  info.set_script_hosts_max(options_.settings.script_hosts_max);
  info.set_host_parks(world.stats.parks);
  for (const auto& [id, executor] : world.executors) {
    v1::Executor* shown = info.add_executors();
    shown->set_executor_id(id);
    shown->set_name(executor->info.name());
    shown->set_runtime(executor->info.runtime());
    shown->set_slots(executor->info.slots());
    shown->set_busy(static_cast<uint32_t>(executor->tokens.size()));
    shown->set_connected(executor->connected());
    shown->set_draining(executor->draining);
    shown->set_host(executor->info.host());
    shown->set_pid(executor->info.pid());
    shown->set_version(executor->info.version());
    *shown->mutable_commands() = executor->info.commands();
    for (const v1::Model& model : executor->info.models()) shown->add_models(model.name());
  }
  MutexLock lock(&info_mutex_);
  info.set_journal_error(info_.journal_error());
  info_ = std::move(info);
}

void CoreLoop::FillInfo(v1::Info* info) const {
  MutexLock lock(&info_mutex_);
  info->MergeFrom(info_);
}

}  // namespace odw::loop
