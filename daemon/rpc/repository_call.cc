#include "daemon/rpc/repository_call.h"

#include <algorithm>

#include "daemon/base/ids.h"

namespace odw::rpc {

RunWorktrees::Change* RunWorktrees::Find(uint64_t node) {
  const auto found = std::find_if(changes_.begin(), changes_.end(),
                                  [&](const Change& change) { return change.node == node; });
  return found == changes_.end() ? nullptr : &*found;
}

void RunWorktrees::Apply(const v1::Event& event) {
  if (event.has_attempt_started()) {
    const v1::AttemptStarted& started = event.attempt_started();
    executor_of_[AttemptName(started.node(), started.attempt())] = started.executor_id();
  }
  if (event.has_attempt_ended() && event.attempt_ended().has_worktree()) {
    const v1::AttemptEnded& ended = event.attempt_ended();
    if (ended.discarded() || !ended.worktree().changed()) return;
    Change change{.node = ended.node(),
                  .worktree = ended.worktree(),
                  .executor_id = executor_of_[AttemptName(ended.node(), ended.attempt())],
                  .attempt = ended.attempt()};
    change.worktree.clear_diff();  // the executor has it, and more of it
    if (Change* before = Find(ended.node())) {
      *before = std::move(change);
    } else {
      changes_.push_back(std::move(change));
    }
  }
  if (event.has_settled()) {
    Change* change = Find(event.settled().node());
    if (change != nullptr) change->settled = change->attempt == event.settled().attempt();
  }
}

absl::StatusOr<RunWorktrees::Command> RunWorktrees::Make(
    const v1::RepositoryRequest& request) const {
  std::vector<const Change*> wanted;
  for (const Change& change : changes_) {
    // An attempt that lost may be looked at by its node's name, and is not taken with the rest.
    const bool asked = request.node() == change.node;
    if (asked || (request.node() == 0 && change.settled)) wanted.push_back(&change);
  }
  if (wanted.empty()) {
    const std::string what = request.node() == 0 ? "no node of " + request.run_id()
                                                 : NodeName(request.node()) + " of " + request.run_id();
    return absl::NotFoundError(what + " changed anything in a worktree of its own");
  }
  std::sort(wanted.begin(), wanted.end(),
            [](const Change* a, const Change* b) { return a->node < b->node; });
  Command made{.executor_id = wanted.front()->executor_id};
  made.command.set_kind(static_cast<v1::RepositoryCommand::Kind>(request.kind()));
  made.command.set_run_id(request.run_id());
  made.command.set_allow_dirty(request.allow_dirty());
  made.command.set_repository(wanted.front()->worktree.repository());
  for (const Change* change : wanted) {
    if (change->worktree.repository() != made.command.repository()) {
      return absl::FailedPreconditionError(
          "the nodes of " + request.run_id() + " worked in several repositories (" +
          made.command.repository() + ", " + change->worktree.repository() +
          "): name one node at a time");
    }
    *made.command.add_worktrees() = change->worktree;
    made.command.add_nodes(change->node);
  }
  return made;
}

v1::RepositoryResponse ToResponse(const v1::RepositoryReply& reply) {
  v1::RepositoryResponse response;
  response.set_ok(reply.ok());
  if (reply.has_error()) *response.mutable_error() = reply.error();
  response.set_diff(reply.diff());
  *response.mutable_files() = reply.applied_files();
  for (const v1::Conflict& conflict : reply.conflicts()) {
    v1::RepositoryConflict* shown = response.add_conflicts();
    shown->set_path(conflict.path());
    shown->set_what(conflict.what());
    shown->set_node(conflict.node());
  }
  response.set_commit(reply.commit());
  return response;
}

}  // namespace odw::rpc
