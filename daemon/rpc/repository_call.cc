#include "daemon/rpc/repository_call.h"

#include <algorithm>

#include "daemon/base/ids.h"
#include "odw/v1/script.pb.h"

namespace odw::rpc {

RunWorktrees::Change* RunWorktrees::Find(uint64_t node) {
  const auto found = std::find_if(changes_.begin(), changes_.end(),
                                  [&](const Change& change) { return change.node == node; });
  return found == changes_.end() ? nullptr : &*found;
}

void RunWorktrees::Apply(const v1::Event& event) {
  if (event.has_called() && event.called().kind() == v1::script::AGENT) {
    isolated_[event.called().ordinal()] = event.called().request().isolation() == "worktree";
  }
  if (event.has_attempt_started()) {
    const v1::AttemptStarted& started = event.attempt_started();
    executor_of_[AttemptName(started.node(), started.attempt())] = started.executor_id();
  }
  if (event.has_attempt_ended() && event.attempt_ended().has_worktree()) {
    const v1::AttemptEnded& ended = event.attempt_ended();
    if (ended.discarded()) return;
    kept_.erase(ended.node());
    if (!ended.worktree().changed() && !ended.worktree().kept_path().empty()) {
      kept_[ended.node()] = ended.worktree();
    }
    if (!ended.worktree().changed()) return;
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

std::string RunWorktrees::WhyKept(const v1::RepositoryRequest& request) const {
  for (const auto& [node, worktree] : kept_) {
    if (request.node() != 0 && request.node() != node) continue;
    std::string why = "the worktree of " + NodeName(node) + " could not be captured and is kept in " +
                      worktree.kept_path();
    for (const std::string& note : worktree.notes()) why += " (" + note + ")";
    why += ": look at it there";
    if (request.node() == 0 && !changes_.empty()) why += ", and name the other nodes one at a time";
    return why;
  }
  return "";
}

std::string RunWorktrees::WhyNothing(const v1::RepositoryRequest& request) const {
  const std::string run = request.run_id();
  if (request.node() == 0) {
    const bool any = std::any_of(isolated_.begin(), isolated_.end(),
                                 [](const auto& call) { return call.second; });
    return any ? "no node of " + run + " has changed anything in its worktree"
               : "no node of " + run + " has a worktree: its calls do not say isolation: 'worktree'";
  }
  const std::string node = NodeName(request.node()) + " of " + run;
  const auto found = isolated_.find(request.node());
  if (found == isolated_.end()) return "there is no node " + node;
  return node + (found->second
                     ? " has changed nothing in its worktree"
                     : " has no worktree: its call does not say isolation: 'worktree'");
}

absl::StatusOr<RunWorktrees::Command> RunWorktrees::Make(
    const v1::RepositoryRequest& request) const {
  if (const std::string kept = WhyKept(request); !kept.empty()) {
    return absl::FailedPreconditionError(kept);
  }
  std::vector<const Change*> wanted;
  for (const Change& change : changes_) {
    // An attempt that lost may be looked at by its node's name, and is not taken with the rest.
    const bool asked = request.node() == change.node;
    if (asked || (request.node() == 0 && change.settled)) wanted.push_back(&change);
  }
  if (wanted.empty()) {
    return absl::NotFoundError(WhyNothing(request));
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
