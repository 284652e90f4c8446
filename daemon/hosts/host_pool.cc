#include "daemon/hosts/host_pool.h"

#include <algorithm>

#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"

namespace odw::hosts {
namespace {

using State = ScriptHost::State;

// After hosts that died before they were ready: doubles from this to the cap.
constexpr absl::Duration kFirstForkBackoff = absl::Milliseconds(20);
constexpr absl::Duration kForkBackoffMax = absl::Seconds(2);
// Hosts that start for waiting runs at the same time. Starting one costs more than a short run does:
// meanwhile those that are there finish runs and serve the next.
constexpr size_t kStartingMax = 2;

}  // namespace

HostPool::HostPool(HostPoolOptions options, Poller* poller, ReadValue read_value, HostEvents* events)
    : options_(std::move(options)),
      poller_(poller),
      read_value_(std::move(read_value)),
      events_(events),
      zygote_(options_.binary, poller) {}

HostPool::~HostPool() {
  for (auto& [fd, host] : hosts_) poller_->Remove(fd);
}

absl::Status HostPool::Start() {
  ODW_RETURN_IF_ERROR(zygote_.Start());
  for (size_t i = 0; i < options_.warm; ++i) ForkOne();
  return absl::OkStatus();
}

HostVersions HostPool::versions() const {
  MutexLock lock(&versions_mutex_);
  return versions_;
}

pid_t HostPool::PidOf(const std::string& run_id) const {
  const auto found = leases_.find(run_id);
  if (found == leases_.end() || found->second.host == nullptr) return -1;
  return static_cast<pid_t>(found->second.host->pid);
}

void HostPool::ForkOne() {
  if (now_ < fork_again_at_) return;
  absl::StatusOr<UniqueFd> socket = zygote_.Fork();
  if (!socket.ok()) {
    LogError("no script host: " + MessageOf(socket.status()));
    fork_again_at_ = now_ + kForkBackoffMax;
    return;
  }
  auto host = std::make_unique<ScriptHost>(*std::move(socket));
  ScriptHost* raw = host.get();
  poller_->Add(raw->fd(), [this, raw](Poller::Ready ready) { OnReady(raw, ready); });
  hosts_[raw->fd()] = std::move(host);
  ++starting_;
}

ScriptHost* HostPool::FindIdle(const std::string& owner) {
  ScriptHost* other = nullptr;
  if (idle_ == 0) return nullptr;
  for (auto& [fd, host] : hosts_) {
    if (host->state != State::kIdle) continue;
    if (host->owner == owner || host->owner.empty()) return host.get();
    other = host.get();
  }
  return other;
}

void HostPool::Bind(const std::string& run_id, Lease* lease, ScriptHost* host) {
  // Nothing of one owner's run may be seen by another's.
  const bool another_owner = !host->owner.empty() && host->owner != lease->owner;
  --idle_;
  host->state = State::kBusy;
  host->run_id = run_id;
  host->epoch = lease->epoch;
  host->owner = lease->owner;
  lease->host = host;
  for (PendingFrame& frame : lease->waiting) {
    if (another_owner && frame.frame.has_start()) frame.frame.mutable_start()->set_fresh_isolate(1);
    host->Push(std::move(frame));
    ++host->turns_open;
    ++turns_open_;
  }
  lease->waiting.clear();
  QueuePump(host);
}

void HostPool::Begin(const std::string& run_id, uint64_t epoch, const std::string& owner,
                     PendingFrame frame) {
  Lease& lease = leases_[run_id];
  lease = Lease{.epoch = epoch, .owner = owner};
  lease.waiting.push_back(std::move(frame));
  if (ScriptHost* host = FindIdle(owner)) {
    Bind(run_id, &lease, host);
  } else {
    waiting_.push_back(run_id);
    if (starting_ < kStartingMax) ForkOne();
  }
}

void HostPool::Push(const std::string& run_id, uint64_t epoch, PendingFrame frame) {
  const auto found = leases_.find(run_id);
  if (found == leases_.end() || found->second.epoch != epoch) return;
  Lease& lease = found->second;
  if (lease.host == nullptr) {
    lease.waiting.push_back(std::move(frame));
    return;
  }
  lease.host->Push(std::move(frame));
  ++lease.host->turns_open;
  ++turns_open_;
  QueuePump(lease.host);
}

void HostPool::Release(const std::string& run_id, uint64_t epoch) {
  const auto found = leases_.find(run_id);
  if (found == leases_.end() || found->second.epoch != epoch) return;
  ScriptHost* host = found->second.host;
  leases_.erase(found);
  if (host == nullptr) {
    std::erase(waiting_, run_id);
    return;
  }
  turns_open_ -= host->turns_open;
  host->turns_open = 0;
  host->state = State::kEnding;
  host->DropPending();
  PendingFrame end;
  end.frame.set_epoch(epoch);
  end.frame.mutable_end();
  host->Push(std::move(end));
  QueuePump(host);
}

void HostPool::QueuePump(ScriptHost* host) {
  if (host->pump_queued) return;
  host->pump_queued = true;
  to_pump_.push_back(host->fd());
}

void HostPool::Pump(ScriptHost* host) {
  absl::StatusOr<bool> all_sent = host->Pump(read_value_);
  if (all_sent.ok()) {
    poller_->WatchWrites(host->fd(), !*all_sent);
    return;
  }
  v1::script::Fatal fatal;
  fatal.set_reason(v1::script::Fatal::PROTOCOL);
  fatal.set_message(MessageOf(all_sent.status()));
  Drop(host, fatal);
}

void HostPool::Flush(absl::Time now) {
  now_ = now;
  ServeWaiting();
  const std::vector<int> fds = std::exchange(to_pump_, {});
  for (int fd : fds) {
    const auto found = hosts_.find(fd);
    if (found == hosts_.end()) continue;
    found->second->pump_queued = false;
    Pump(found->second.get());
  }
  TrimIdle();
}

void HostPool::ServeWaiting() {
  while (!waiting_.empty() && idle_ > 0) {
    const std::string run_id = waiting_.front();
    waiting_.pop_front();
    const auto found = leases_.find(run_id);
    if (found == leases_.end() || found->second.host != nullptr) continue;
    Bind(run_id, &found->second, FindIdle(found->second.owner));
  }
  while (starting_ < std::min(waiting_.size(), kStartingMax) || starting_ + idle_ < options_.warm) {
    const size_t before = starting_;
    ForkOne();
    if (starting_ == before) break;  // backing off
  }
}

void HostPool::TrimIdle() {
  next_wake_ = starting_ == 0 && !waiting_.empty() ? fork_again_at_ : absl::InfiniteFuture();
  if (idle_ <= options_.idle_max) return;
  std::vector<ScriptHost*> expired;
  for (auto& [fd, host] : hosts_) {
    if (host->state != State::kIdle) continue;
    const absl::Time expiry = host->idle_since + options_.idle_linger;
    if (expiry <= now_) {
      expired.push_back(host.get());
    } else {
      next_wake_ = std::min(next_wake_, expiry);
    }
  }
  for (ScriptHost* host : expired) {
    if (idle_ <= options_.idle_max) break;
    Drop(host, std::nullopt);
  }
}

void HostPool::OnReady(ScriptHost* host, Poller::Ready ready) {
  if (ready.writable) QueuePump(host);
  if (ready.readable) OnReadable(host);
}

void HostPool::OnReadable(ScriptHost* host) {
  absl::StatusOr<ssize_t> got = host->reader().Fill(host->fd());
  if (got.ok() && *got < 0) return;
  if (!got.ok() || *got == 0) return Drop(host, std::nullopt);
  for (;;) {
    auto frame = host->reader().Next();
    if (frame.ok() && !*frame) return;
    v1::script::FromHost message;
    if (!frame.ok() || !message.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size()))) {
      return Drop(host, std::nullopt);
    }
    if (!OnFrame(host, std::move(message))) return;
  }
}

bool HostPool::OnFrame(ScriptHost* host, v1::script::FromHost frame) {
  switch (frame.body_case()) {
    case v1::script::FromHost::kReady: {
      if (host->state != State::kStarting) {
        // A script that took its process over: it must not pass for idle and be given another run.
        LogWarning("a script host said that it is ready when it was not starting; it is dropped");
        Drop(host, std::nullopt);
        return false;
      }
      host->pid = frame.ready().pid();
      {
        MutexLock lock(&versions_mutex_);
        versions_ = {frame.ready().prelude_version(), frame.ready().v8_version(),
                     frame.ready().icu_version(), frame.ready().corejs_version()};
      }
      --starting_;
      failed_starts_ = 0;
      OnIdle(host);
      return true;
    }
    case v1::script::FromHost::kTurn:
      if (host->state != State::kBusy || frame.epoch() != host->epoch) return true;
      KillPoint("hosts.turn");
      if (!frame.turn().more() && host->turns_open > 0) {
        --host->turns_open;
        --turns_open_;
      }
      events_->OnTurn(host->run_id, host->epoch, std::move(*frame.mutable_turn()));
      return true;
    case v1::script::FromHost::kIdle:
      if (host->state == State::kEnding) OnIdle(host);
      return true;
    case v1::script::FromHost::kFatal:
      Drop(host, frame.fatal());
      return false;
    case v1::script::FromHost::BODY_NOT_SET:
      return true;
  }
  return true;
}

void HostPool::OnIdle(ScriptHost* host) {
  host->state = State::kIdle;
  host->run_id.clear();
  host->idle_since = now_;
  ++idle_;
}

void HostPool::Drop(ScriptHost* host, std::optional<v1::script::Fatal> fatal) {
  const State state = host->state;
  const std::string run_id = host->run_id;
  const uint64_t epoch = host->epoch;
  turns_open_ -= host->turns_open;
  if (state == State::kIdle) --idle_;
  if (state == State::kStarting) {
    --starting_;
    const absl::Duration backoff = kFirstForkBackoff * (1 << std::min<uint32_t>(failed_starts_++, 7));
    fork_again_at_ = now_ + std::min(backoff, kForkBackoffMax);
    LogWarning("a script host ended before it was ready");
  }
  poller_->Remove(host->fd());
  hosts_.erase(host->fd());  // closes the socket: the process ends itself
  if (state != State::kBusy) return;
  leases_.erase(run_id);
  events_->OnHostGone(run_id, epoch, std::move(fatal));
}

}  // namespace odw::hosts
