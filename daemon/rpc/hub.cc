#include "daemon/rpc/hub.h"

#include <algorithm>
#include <utility>

namespace odw::rpc {

void Hub::Send(core::SessionId session, v1::ToExecutor message) {
  std::shared_ptr<Session> to;
  {
    MutexLock lock(&mutex_);
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return;
    to = found->second;
  }
  to->Send(std::move(message));
}

void Hub::CloseSession(core::SessionId session, absl::Status why) {
  std::shared_ptr<Session> to;
  {
    MutexLock lock(&mutex_);
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return;
    to = found->second;
  }
  to->Close(std::move(why));
}

void Hub::CompleteReply(core::Reply reply) {
  ReplyCallback done;
  {
    MutexLock lock(&mutex_);
    const auto found = replies_.find(reply.request);
    if (found == replies_.end()) return;
    done = std::move(found->second);
    replies_.erase(found);
  }
  done(std::move(reply));
}

void Hub::OnCommitted(const std::vector<std::pair<std::string, uint64_t>>& runs) {
  std::vector<std::pair<std::shared_ptr<Watcher>, uint64_t>> to;
  {
    MutexLock lock(&mutex_);
    if (watchers_.empty()) return;
    for (const auto& [run_id, last] : runs) {
      const auto found = watchers_.find(run_id);
      if (found == watchers_.end()) continue;
      for (const auto& watcher : found->second) to.emplace_back(watcher, last);
    }
  }
  for (const auto& [watcher, last] : to) watcher->OnEvents(last);
}

void Hub::OnRunEnded(const std::string& run_id) {
  std::vector<Waiter> ended;
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(&mutex_);
    if (const auto found = waiters_.find(run_id); found != waiters_.end()) {
      ended = std::move(found->second);
      waiting_ -= ended.size();
      waiters_.erase(found);
    }
    if (const auto found = watchers_.find(run_id); found != watchers_.end())
      watchers = found->second;
  }
  for (Waiter& waiter : ended) waiter.done(absl::OkStatus());
  for (const auto& watcher : watchers) watcher->OnEnded();
}

void Hub::OnProgress(const std::string& run_id, const v1::NodeProgress& progress) {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(&mutex_);
    const auto found = watchers_.find(run_id);
    if (found != watchers_.end()) watchers = found->second;
  }
  for (const auto& watcher : watchers) watcher->OnProgress(progress);
}

void Hub::FailAll(absl::Status status) {
  {
    MutexLock lock(&mutex_);
    if (!journal_error_.ok()) return;
    journal_error_ = status;
  }
  End(absl::UnavailableError("the journal stopped, and nothing more is accepted: " +
                             MessageOf(status)));
}

void Hub::EndAll() { End(absl::UnavailableError("odwd is stopping")); }

void Hub::End(const absl::Status& status) {
  std::vector<std::shared_ptr<Session>> sessions;
  std::vector<std::shared_ptr<Watcher>> watchers;
  std::vector<std::pair<core::RequestId, ReplyCallback>> replies;
  std::vector<Waiter> waiters;
  absl::flat_hash_map<uint64_t, PendingCommand> commands;
  {
    MutexLock lock(&mutex_);
    if (status_.ok()) status_ = status;
    commands.swap(commands_);
    // Streams take themselves out when they are done.
    for (const auto& [id, session] : sessions_) sessions.push_back(session);
    for (const auto& [run, list] : watchers_)
      watchers.insert(watchers.end(), list.begin(), list.end());
    for (auto& [id, done] : replies_) replies.emplace_back(id, std::move(done));
    replies_.clear();
    for (auto& [run, list] : waiters_) {
      std::move(list.begin(), list.end(), std::back_inserter(waiters));
    }
    waiting_ -= waiters.size();
    waiters_.clear();
  }
  for (const auto& session : sessions) session->Close(status);
  for (auto& [id, command] : commands) command.done(status);
  for (const auto& watcher : watchers) watcher->Fail(status);
  for (auto& [id, done] : replies) done(core::Reply{.request = id, .status = status});
  for (Waiter& waiter : waiters) waiter.done(status);
}

absl::Status Hub::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

absl::Status Hub::journal_error() const {
  MutexLock lock(&mutex_);
  return journal_error_;
}

absl::StatusOr<core::SessionId> Hub::AddSession(std::shared_ptr<Session> session) {
  MutexLock lock(&mutex_);
  ODW_RETURN_IF_ERROR(status_);
  if (sessions_.size() >= kSessionsMax) {
    return absl::ResourceExhaustedError("already " + std::to_string(kSessionsMax) +
                                        " executors are attached");
  }
  const core::SessionId id = ++last_id_;
  sessions_.emplace(id, std::move(session));
  return id;
}

void Hub::RemoveSession(core::SessionId id) {
  std::shared_ptr<Session> gone;  // destroyed outside the lock
  std::vector<PendingCommand> unanswered;
  {
    MutexLock lock(&mutex_);
    peers_.erase(id);
    for (auto it = commands_.begin(); it != commands_.end();) {
      const auto at = it++;
      if (at->second.session != id) continue;
      unanswered.push_back(std::move(at->second));
      commands_.erase(at);
    }
    const auto found = sessions_.find(id);
    if (found != sessions_.end()) {
      gone = std::move(found->second);
      sessions_.erase(found);
    }
  }
  for (PendingCommand& command : unanswered) {
    command.done(absl::UnavailableError(
        "the executor went away before it answered: look at the repository, then try again"));
  }
}

void Hub::NameSession(core::SessionId id, const v1::Register& info) {
  MutexLock lock(&mutex_);
  if (sessions_.find(id) == sessions_.end()) return;
  peers_[id] = {.executor_id = info.executor_id(), .host = info.host(), .worktrees = info.worktrees()};
}

core::SessionId Hub::FindPeer(const std::string& executor_id, const std::string& host) const {
  core::SessionId other = 0;
  for (const auto& [id, peer] : peers_) {
    if (!peer.worktrees) continue;
    if (peer.executor_id == executor_id) return id;
    // The youngest, so that the choice does not follow a hash table's order.
    if (peer.host == host) other = std::max(other, id);
  }
  return other;
}

absl::Status Hub::SendRepository(const std::string& executor_id, const std::string& host,
                                 v1::RepositoryCommand command, RepositoryCallback done) {
  core::SessionId session = 0;
  {
    MutexLock lock(&mutex_);
    ODW_RETURN_IF_ERROR(status_);
    session = FindPeer(executor_id, host);
    if (session == 0) {
      return absl::FailedPreconditionError(
          "no executor serves repositories: executor " + executor_id +
          " made the change and is not attached. Start it and try again; git shows the change too, "
          "under refs/odw/");
    }
    if (commands_.size() >= kCommandsMax) {
      return absl::ResourceExhaustedError("already " + std::to_string(kCommandsMax) +
                                          " commands wait for repositories: try again");
    }
    command.set_id(++last_id_);
    commands_[command.id()] = {.session = session, .done = std::move(done)};
  }
  v1::ToExecutor message;
  *message.mutable_repository() = std::move(command);
  Send(session, std::move(message));
  return absl::OkStatus();
}

void Hub::OnRepositoryReply(core::SessionId session, v1::RepositoryReply reply) {
  RepositoryCallback done;
  {
    MutexLock lock(&mutex_);
    const auto found = commands_.find(reply.id());
    if (found == commands_.end() || found->second.session != session) return;
    done = std::move(found->second.done);
    commands_.erase(found);
  }
  done(std::move(reply));
}

absl::StatusOr<core::RequestId> Hub::ExpectReply(ReplyCallback done) {
  MutexLock lock(&mutex_);
  ODW_RETURN_IF_ERROR(status_);
  const core::RequestId id = ++last_id_;
  replies_.emplace(id, std::move(done));
  return id;
}

bool Hub::ForgetReply(core::RequestId id) {
  MutexLock lock(&mutex_);
  return replies_.erase(id) > 0;
}

absl::Status Hub::AddWatcher(const std::string& run_id, std::shared_ptr<Watcher> watcher) {
  MutexLock lock(&mutex_);
  ODW_RETURN_IF_ERROR(status_);
  if (waiting_ >= kWaitersMax) {
    return absl::ResourceExhaustedError("already " + std::to_string(kWaitersMax) +
                                        " calls wait for runs");
  }
  ++waiting_;
  watchers_[run_id].push_back(std::move(watcher));
  return absl::OkStatus();
}

void Hub::RemoveWatcher(const std::string& run_id, const Watcher* watcher) {
  std::shared_ptr<Watcher> gone;
  MutexLock lock(&mutex_);
  const auto found = watchers_.find(run_id);
  if (found == watchers_.end()) return;
  auto& list = found->second;
  const auto at = std::find_if(list.begin(), list.end(),
                               [&](const auto& entry) { return entry.get() == watcher; });
  if (at == list.end()) return;
  gone = std::move(*at);
  list.erase(at);
  --waiting_;
  if (list.empty()) watchers_.erase(found);
}

absl::StatusOr<Hub::WaiterId> Hub::AddWaiter(const std::string& run_id, EndCallback done) {
  MutexLock lock(&mutex_);
  ODW_RETURN_IF_ERROR(status_);
  if (waiting_ >= kWaitersMax) {
    return absl::ResourceExhaustedError("already " + std::to_string(kWaitersMax) +
                                        " calls wait for runs");
  }
  ++waiting_;
  const WaiterId id = ++last_id_;
  waiters_[run_id].push_back({.id = id, .done = std::move(done)});
  return id;
}

bool Hub::RemoveWaiter(const std::string& run_id, WaiterId id) {
  EndCallback gone;
  MutexLock lock(&mutex_);
  const auto found = waiters_.find(run_id);
  if (found == waiters_.end()) return false;
  auto& list = found->second;
  const auto at =
      std::find_if(list.begin(), list.end(), [&](const Waiter& w) { return w.id == id; });
  if (at == list.end()) return false;
  gone = std::move(at->done);
  list.erase(at);
  --waiting_;
  if (list.empty()) waiters_.erase(found);
  return true;
}

}  // namespace odw::rpc
