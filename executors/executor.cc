#include "executors/executor.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"
#include "daemon/base/version.h"
#include "executors/permission.h"
#include "executors/text.h"
#include "executors/valid_strings.h"

namespace odw::executors {
namespace {

using odw::v1::FromExecutor;
using odw::v1::Result;
using odw::v1::ToExecutor;

// Results larger than this, or past the total, are read back from the spool when their turn comes.
constexpr size_t kCachedResultBytesMax = 64 << 10;
constexpr uint64_t kCachedBytesMax = 32 << 20;
constexpr absl::Duration kSpoolRetry = absl::Seconds(1);
constexpr absl::Duration kHeartbeatLeast = absl::Milliseconds(100);
constexpr absl::Duration kHeartbeatDefault = absl::Seconds(5);
// A drained executor waits this long for the last acks; then the spool keeps them for its next start.
constexpr absl::Duration kLastAcksWait = absl::Seconds(5);

// Past these the daemon would refuse the message, and with it the stream, again and again.
constexpr size_t kResultBytesMax = 72 << 20;
constexpr size_t kErrorMessageBytesMax = 16 << 10;
constexpr size_t kTokenBytesMax = 128;

// A token names a file: nothing but letters, digits, '-' and '_'.
bool IsToken(const std::string& token) {
  const auto allowed = [](unsigned char c) { return isalnum(c) || c == '-' || c == '_'; };
  return !token.empty() && token.size() <= kTokenBytesMax && std::all_of(token.begin(), token.end(), allowed);
}

void Bound(Result* result) {
  if (result->ByteSizeLong() > kResultBytesMax) {
    result->clear_value();
    result->clear_raw_text();
    result->set_ok(false);
    result->mutable_error()->set_category(odw::v1::OUTPUT_TOO_LARGE);
    result->mutable_error()->set_message("the result is larger than " +
                                         std::to_string(kResultBytesMax >> 20) + " MiB");
  }
  if (result->error().message().size() > kErrorMessageBytesMax) {
    std::string message = result->error().message().substr(0, kErrorMessageBytesMax);
    result->mutable_error()->set_message(ToValidUtf8(message) + "...");
  }
  MakeStringsValid(result);
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace

Executor::Executor(EventLoop* loop, ExecutorOptions options, const Identity& identity, Spool* spool,
                   Runtime* runtime)
    : loop_(loop), options_(std::move(options)), identity_(identity), spool_(spool), runtime_(runtime),
      heartbeat_interval_(kHeartbeatDefault) {
  runtime_->Bind(this);
  loop_->OnRoundEnd([this] { EndRound(); });
}

Executor::~Executor() {
  loop_->OnRoundEnd(nullptr);
  for (const auto timer : {heartbeat_, linger_, spool_retry_, leave_}) loop_->CancelTimer(timer);
}

absl::Status Executor::Start(const SessionOptions& session) {
  for (std::string& token : spool_->Tokens()) {
    outbox_by_token_[token] = next_outgoing_;
    outbox_.emplace(next_outgoing_++, Outgoing{std::move(token), ""});
  }
  ODW_ASSIGN_OR_RETURN(const std::vector<std::string> adopted,
                       runtime_->Adopt([this](const std::string& t) { return spool_->Holds(t); }));
  for (const std::string& token : adopted) held_[token] = Phase::kRunning;
  if (!adopted.empty()) KillPoint("executor.adopted");
  if (!adopted.empty() || !outbox_.empty()) {
    LogInfo("adopted " + std::to_string(adopted.size()) + " task(s), " +
            std::to_string(outbox_.size()) + " result(s) to offer");
  }
  session_ = std::make_unique<Session>(loop_, session, this);
  linger_ = loop_->After(options_.linger, [this] { LingerOver(); });
  session_->Start();
  return absl::OkStatus();
}

odw::v1::Register Executor::MakeRegister() {
  epoch_ = static_cast<uint64_t>(identity_.incarnation) << 32 | ++attaches_;
  welcomed_ = false;
  odw::v1::Register reg;
  reg.set_protocol_version(kExecutorProtocolVersion);
  reg.set_executor_id(identity_.executor_id);
  reg.set_name(options_.name);
  reg.set_session_epoch(epoch_);
  for (const std::string& label : options_.labels) reg.add_labels(label);
  reg.set_slots(options_.slots);
  reg.set_host(HostName());
  reg.set_pid(static_cast<uint32_t>(getpid()));
  reg.set_version(kVersion);
  reg.set_permission_max(options_.limits.permission_max);
  runtime_->Describe(&reg);
  for (const auto& [token, phase] : held_) reg.add_held()->set_token(token);
  for (const auto& [serial, outgoing] : outbox_) {
    odw::v1::Held* held = reg.add_held();
    held->set_token(outgoing.token);
    held->set_finished(true);
  }
  for (auto& [token, untold] : lost_) {
    odw::v1::Held* held = reg.add_held();
    held->set_token(token);
    held->set_finished(true);
    untold.told = false;
  }
  return reg;
}

void Executor::OnMessage(ToExecutor message) {
  round_dirty_ = true;
  switch (message.body_case()) {
    case ToExecutor::kWelcome: return OnWelcome(message.welcome());
    case ToExecutor::kAssign: return OnAssign(std::move(*message.mutable_assign()));
    case ToExecutor::kAck: return OnAck(message.ack().token());
    case ToExecutor::kCancel: return OnCancel(message.cancel());
    case ToExecutor::kDrain: return Drain("the daemon asked");
    case ToExecutor::kRepository: return OnRepository(std::move(*message.mutable_repository()));
    case ToExecutor::BODY_NOT_SET: break;
  }
  LogWarning("a message of a kind that this version does not know was passed over");
}

void Executor::OnWelcome(const odw::v1::Welcome& welcome) {
  welcomed_ = true;
  lingered_ = false;
  next_offer_ = 0;
  loop_->CancelTimer(linger_);
  loop_->CancelTimer(heartbeat_);
  if (welcome.heartbeat_interval_ms() > 0) {
    heartbeat_interval_ = std::max(kHeartbeatLeast, absl::Milliseconds(welcome.heartbeat_interval_ms()));
  }
  heartbeat_ = loop_->After(heartbeat_interval_, [this] { Heartbeat(); });
  LogInfo("attached to odwd " + welcome.daemon_version() + ", epoch " + std::to_string(epoch_) + ", " +
          std::to_string(held_.size()) + " running, " + std::to_string(outbox_.size()) + " to offer");
  if (draining_) {
    FromExecutor message;
    message.mutable_draining();
    session_->Send(std::move(message));
  }
}

void Executor::OnRepository(odw::v1::RepositoryCommand command) {
  runtime_->CarryOut(std::move(command), [this](odw::v1::RepositoryReply reply) {
    if (!welcomed_) return;  // whoever asked has been told that the executor went away
    FromExecutor message;
    *message.mutable_repository_reply() = std::move(reply);
    session_->Send(std::move(message));
    round_dirty_ = true;
  });
}

void Executor::OnDetached(const std::string&) {
  round_dirty_ = true;
  loop_->CancelTimer(heartbeat_);
  if (std::exchange(welcomed_, false)) {
    linger_ = loop_->After(options_.linger, [this] { LingerOver(); });
  }
}

void Executor::OnAssign(odw::v1::Assign assign) {
  if (assign.session_epoch() != epoch_) return;  // of a stream that is gone
  const std::string& token = assign.token();
  if (!IsToken(token)) return Refuse(token, "a malformed token");
  // A repeat of what is here already: the daemon hears of it when it ends, or has been offered it.
  if (held_.contains(token) || outbox_by_token_.contains(token)) return;
  if (draining_) return Refuse(token, "this executor is draining");
  if (held_.size() >= options_.slots) return Refuse(token, "no free slot");
  Task task{.token = token, .run_id = assign.run_id(), .node = assign.node(),
            .attempt = assign.attempt(), .request = std::move(*assign.mutable_request()),
            .resume_session = assign.resume_session(), .resume_token = assign.resume_token()};
  held_[task.token] = Phase::kWaiting;
  KillPoint("executor.assigned");
  if (!MayStart() || !waiting_.empty()) {
    waiting_.emplace(next_waiting_++, std::move(task));
    return;
  }
  Begin(std::move(task));
}

bool Executor::MayStart() const { return !spool_->Full() && spool_retry_ == 0; }

void Executor::Begin(Task task) {
  held_[task.token] = Phase::kRunning;
  if (const absl::Status may = Restrict(options_.limits, &task.request); !may.ok()) {
    Result result;
    result.set_token(task.token);
    result.mutable_error()->set_category(odw::v1::INVALID_REQUEST);
    result.mutable_error()->set_message(MessageOf(may));
    return Finished(std::move(result));
  }
  runtime_->Start(std::move(task));
}

void Executor::Refuse(const std::string& token, const std::string& why) {
  odw::v1::Lost lost;
  lost.set_token(token);
  lost.set_why(why + ": it was not started here");
  lost.set_not_started(true);
  lost_[token] = {.lost = std::move(lost)};
}

void Executor::OnCancel(const odw::v1::Cancel& cancel) {
  const std::string& token = cancel.token();
  if (const auto done = outbox_by_token_.find(token); done != outbox_by_token_.end()) {
    // Nobody waits for it, so no ack need come; but its usage is told first.
    if (done->second < next_offer_) return OnAck(token);
    outbox_.at(done->second).cancelled = true;
    return;
  }
  const auto it = held_.find(token);
  if (it == held_.end()) return;
  if (it->second == Phase::kFinished) return;
  if (it->second == Phase::kRunning) return runtime_->Cancel(token, cancel.reason());
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second.token == token; });
  held_.erase(it);
  Refuse(token, "cancelled");
}

void Executor::OnAck(const std::string& token) {
  if (lost_.erase(token) > 0) return runtime_->Stored(token);
  const auto it = outbox_by_token_.find(token);
  if (it == outbox_by_token_.end()) return;
  const auto entry = outbox_.find(it->second);
  cached_bytes_ -= entry->second.cached.size();
  outbox_.erase(entry);
  outbox_by_token_.erase(it);
  acked_.push_back(token);
  KillPoint("executor.after_ack");
}

void Executor::Finished(Result result) {
  round_dirty_ = true;
  const auto it = held_.find(result.token());
  if (it == held_.end() || it->second != Phase::kRunning) {
    LogWarning("an end of " + result.token() + ", which does not run, was passed over");
    return;
  }
  options_.redactor.Redact(&result);
  it->second = Phase::kFinished;  // held until it is in the spool: a repeated Assign must not run it again
  Bound(&result);
  fresh_.push_back(std::move(result));
}

void Executor::Lost(odw::v1::Lost lost) {
  round_dirty_ = true;
  held_.erase(lost.token());
  LogWarning("task " + lost.token() + " is lost: " + lost.why());
  const std::string token = lost.token();
  lost_[token] = {.lost = std::move(lost)};
}

void Executor::Progress(odw::v1::Progress progress) {
  if (!welcomed_) return;
  FromExecutor message;
  *message.mutable_progress() = std::move(progress);
  session_->Send(std::move(message));
  round_dirty_ = true;
}

void Executor::EndRound() {
  if (!std::exchange(round_dirty_, false)) return;
  if (!acked_.empty()) {
    KillPoint("executor.before_drop");
    spool_->Drop(acked_);
    acked_.clear();
  }
  StartWaiting();
  SpoolFresh();
  Offer();
  SendLost();
  session_->Flush();
  LeaveIfDone();
}

void Executor::StartWaiting() {
  while (!waiting_.empty() && MayStart()) {
    Task task = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    Begin(std::move(task));
  }
}

void Executor::SpoolFresh() {
  if (fresh_.empty() || spool_retry_ != 0) return;
  std::vector<SpoolEntry> entries;
  entries.reserve(fresh_.size());
  for (const Result& result : fresh_) {
    entries.push_back({result.token(), result.SerializeAsString()});
    KillPoint("executor.before_spool");
  }
  if (const absl::Status status = spool_->Append(entries); !status.ok()) {
    LogError(MessageOf(status) + ": " + std::to_string(fresh_.size()) +
             " finished result(s) wait in memory, no task is started, next try in 1 s");
    spool_retry_ = loop_->After(kSpoolRetry, [this] {
      spool_retry_ = 0;
      round_dirty_ = true;
    });
    return;
  }
  fresh_.clear();
  for (SpoolEntry& entry : entries) {
    KillPoint("executor.after_spool");
    runtime_->Stored(entry.token);
    held_.erase(entry.token);
    const size_t bytes = entry.payload.size();
    if (bytes > kCachedResultBytesMax || cached_bytes_ + bytes > kCachedBytesMax) entry.payload.clear();
    cached_bytes_ += entry.payload.size();
    outbox_by_token_[entry.token] = next_outgoing_;
    outbox_.emplace(next_outgoing_++, Outgoing{std::move(entry.token), std::move(entry.payload)});
  }
}

void Executor::SendLost() {
  if (!welcomed_) return;
  for (auto& [token, untold] : lost_) {
    if (std::exchange(untold.told, true)) continue;
    FromExecutor message;
    *message.mutable_lost() = untold.lost;
    session_->Send(std::move(message));
  }
}

void Executor::Offer() {
  if (!welcomed_) return;
  std::vector<std::string> gone, damaged;
  for (auto it = outbox_.lower_bound(next_offer_); it != outbox_.end() && session_->HasRoom(); ++it) {
    next_offer_ = it->first + 1;
    Outgoing& outgoing = it->second;
    FromExecutor message;
    if (!LoadResult(&outgoing, message.mutable_result())) {
      damaged.push_back(outgoing.token);
      continue;
    }
    if (outgoing.cancelled) gone.push_back(outgoing.token);
    KillPoint("executor.before_offer");
    session_->Send(std::move(message));
  }
  for (const std::vector<std::string>& tokens : {gone, damaged}) {
    for (const std::string& token : tokens) OnAck(token);
  }
  if (!acked_.empty()) spool_->Drop(std::exchange(acked_, {}));
  for (const std::string& token : damaged) {
    odw::v1::Lost lost;
    lost.set_token(token);
    lost.set_why("its spooled result is damaged");
    lost_[token] = {.lost = std::move(lost)};
  }
}

bool Executor::LoadResult(Outgoing* outgoing, Result* result) {
  std::string bytes = std::exchange(outgoing->cached, "");
  cached_bytes_ -= bytes.size();
  if (bytes.empty()) {
    KillPoint("executor.before_spooled_offer");
    absl::StatusOr<std::string> read = spool_->Read(outgoing->token);
    if (!read.ok()) {
      LogError(MessageOf(read.status()));
      return false;
    }
    bytes = *std::move(read);
  }
  return result->ParseFromString(bytes);
}

void Executor::Heartbeat() {
  FromExecutor message;
  message.mutable_heartbeat()->set_busy(static_cast<uint32_t>(held_.size()));
  session_->Send(std::move(message));
  session_->Flush();
  heartbeat_ = loop_->After(heartbeat_interval_, [this] { Heartbeat(); });
}

void Executor::Drain(const std::string& why) {
  if (std::exchange(draining_, true)) return;
  round_dirty_ = true;
  LogInfo("draining (" + why + "): " + std::to_string(held_.size()) + " task(s) to finish");
  for (auto& [serial, task] : waiting_) {
    held_.erase(task.token);
    Refuse(task.token, "this executor is draining");
  }
  waiting_.clear();
  if (!welcomed_) return;
  FromExecutor message;
  message.mutable_draining();
  session_->Send(std::move(message));
}

void Executor::LingerOver() {
  if (welcomed_) return;
  LogInfo("no daemon for " + absl::FormatDuration(options_.linger) + ": leaving when " +
          std::to_string(held_.size()) + " task(s) have finished");
  lingered_ = true;
  for (auto& [serial, task] : waiting_) held_.erase(task.token);
  waiting_.clear();
  LeaveIfDone();
}

void Executor::LeaveIfDone() {
  if (!draining_ && !lingered_) return;
  if (!held_.empty() || !fresh_.empty()) return;
  if (lingered_ || (outbox_.empty() && lost_.empty())) return loop_->Stop();
  if (leave_ == 0) leave_ = loop_->After(kLastAcksWait, [this] { loop_->Stop(); });
}

}  // namespace odw::executors
