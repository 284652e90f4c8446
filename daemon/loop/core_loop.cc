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
// A deletion that waits looks again this often.
constexpr absl::Duration kDeletionInterval = absl::Milliseconds(50);

}  // namespace

CoreLoop::CoreLoop(CoreLoopOptions options, journal::Journal* journal, metrics::Metrics* metrics)
    : options_(std::move(options)),
      journal_(journal),
      metrics_(metrics),
      inbox_(kInboxItemsMax),
      commits_(kInboxItemsMax),
      tasks_(kInboxItemsMax),
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
  poller_.Add(tasks_.wake_fd(), [](Poller::Ready) {});
}

CoreLoop::~CoreLoop() = default;

absl::Status CoreLoop::Start(rpc::Outbox* outbox) {
  outbox_ = outbox;
  ODW_RETURN_IF_ERROR(hosts_->Start());
  const absl::Time begin = absl::Now();
  ODW_ASSIGN_OR_RETURN(Recovered recovered,
                       RecoverRuns(journal_, options_.clock->Now(), &engine_));
  ODW_RETURN_IF_ERROR(ChargeEndedRuns(journal_, options_.clock->Now(), &engine_));
  engine_.FinishRecovery(options_.clock->Now());
  recovered_versions_ = std::move(recovered.versions);
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
  absl::Time wake = hosts_->next_wake();
  // A manual clock does not run: either the engine's next time has come, or somebody turns it.
  const absl::Time due = engine_.NextWake(), now = options_.clock->Now();
  if (due <= now) wake = failed_ ? wake : absl::InfinitePast();
  if (due > now && options_.manual_clock == nullptr) wake = std::min(wake, due);
  if (!group_.empty() && NothingInFlight()) wake = std::min(wake, group_since_ + kTurnHold);
  if (info_stale_) wake = std::min(wake, info_at_ + kInfoInterval);
  if (!deletions_.empty()) wake = std::min(wake, absl::Now() + kDeletionInterval);
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
  TakeTasks();
  if (engine_.NextWake() <= options_.clock->Now()) HandleInput(core::Tick{});
  const absl::Time now = absl::Now();
  hosts_->Flush(now);
  MaybeCut();
  if (!deletions_.empty()) DeleteReady();
  if (!turnings_.empty()) TurnClock();
  if (info_stale_ && now >= info_at_ + kInfoInterval) PublishInfo();
}

void CoreLoop::OnTurn(const std::string& run_id, uint64_t epoch, v1::script::Turn turn) {
  if (!recovered_versions_.empty()) NoteVersions(run_id);
  from_hosts_.push_back(core::HostTurn{.run_id = run_id, .epoch = epoch, .turn = std::move(turn)});
}

void CoreLoop::OnHostGone(const std::string& run_id, uint64_t epoch,
                          std::optional<v1::script::Fatal> fatal) {
  from_hosts_.push_back(core::HostGone{.run_id = run_id, .epoch = epoch, .fatal = std::move(fatal)});
}

void CoreLoop::HandleInput(core::Input input) {
  if (failed_) {
    // Nothing can be made durable any more: a waiting caller learns why, the rest is not acted on.
    const core::RequestId request = std::visit(
        [](const auto& in) -> core::RequestId {
          if constexpr (requires { in.request; }) return in.request;
          return 0;
        },
        input);
    if (request != 0) {
      outbox_->CompleteReply({.request = request,
                              .status = absl::UnavailableError("the journal has stopped; restart odwd")});
    }
    return;
  }
  if (auto* submit = std::get_if<core::Submit>(&input)) {
    if (RefuseSubmit(*submit)) return;
    PrepareSubmit(submit);
  }
  if (auto* said = std::get_if<core::ExecutorSaid>(&input); said && said->message.has_progress()) {
    TellProgress(*said);
  }
  if (std::holds_alternative<core::WorkflowFound>(input)) --lookups_open_;
  const uint64_t adoptions = engine_.world().stats.adoptions;
  info_stale_ = true;
  engine_.Handle(options_.clock->Now(), std::move(input));
  if (engine_.world().stats.adoptions > adoptions) KillPoint("loop.adopted");
  for (core::Effect& effect : engine_.TakeEffects()) Route(std::move(effect));
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
    engine_.Handle(options_.clock->Now(), core::JournalFailed{committed.status});
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

}  // namespace odw::loop
