#include <CLI/CLI.hpp>

#include "client/arguments.h"
#include "client/commands/commands.h"
#include "client/output/repository_text.h"
#include "client/output/text.h"

namespace odw::client {
namespace {

using Kind = v1::RepositoryRequest::Kind;

struct RepositoryFlags {
  Kind kind = v1::RepositoryRequest::DIFF;
  std::string run_id;
  std::string node;
  bool allow_dirty = false;
};

// Whose changes the request takes, in call order: those that the daemon takes.
std::vector<uint64_t> NodesTaken(const v1::RepositoryRequest& request, const v1::Run& run) {
  if (request.node() != 0) return {request.node()};
  std::vector<uint64_t> nodes;
  for (const v1::Node& node : run.node()) {
    if (node.worktree().changed() && node.state() == v1::NODE_DONE) nodes.push_back(node.ordinal());
  }
  return nodes;
}

absl::Status Judge(const RepositoryFlags& flags, const v1::RepositoryResponse& reply) {
  if (reply.ok()) return absl::OkStatus();
  const std::string verb = flags.kind == v1::RepositoryRequest::MERGE ? "merged" : "applied";
  if (reply.conflicts_size() > 0) {
    return FailureStatus(
        {ExitCode::kRefused, "conflicts",
         "the changes cannot be " + verb + ": " + std::to_string(reply.conflicts_size()) +
             (reply.conflicts_size() == 1 ? " conflict" : " conflicts") + "; nothing was changed",
         "Take them node by node (odwctl diff " + flags.run_id +
             " shows each), or resolve what the report names."});
  }
  const std::string why =
      HasError(reply) ? CategoryName(reply.error().category()) + ": " + reply.error().message()
                      : "the repository gave no reason";
  return FailureStatus({ExitCode::kRefused, "repository", why, 
                        "See its nodes: odwctl status " + flags.run_id + " --nodes"});
}

absl::Status RunRepository(Session& session, const RepositoryFlags& flags) {
  v1::RepositoryRequest request;
  request.set_run_id(flags.run_id);
  request.set_kind(flags.kind);
  request.set_allow_dirty(flags.allow_dirty);
  if (!flags.node.empty()) {
    ODW_ASSIGN_OR_RETURN(const uint64_t node, ParseNode(flags.node));
    request.set_node(node);
  }
  v1::GetRunRequest whole;
  whole.set_run_id(flags.run_id);
  whole.set_with_nodes(true);
  ODW_ASSIGN_OR_RETURN(const v1::Run run, session.Call<v1::Run>([&](ControlClient& client) {
    return client.GetRun(whole);
  }));
  const auto call = [&](ControlClient& client) { return client.Repository(request); };
  absl::StatusOr<v1::RepositoryResponse> reply = flags.kind == v1::RepositoryRequest::DIFF
                                                     ? session.Call<v1::RepositoryResponse>(call)
                                                     : session.CallOnce<v1::RepositoryResponse>(call);
  ODW_RETURN_IF_ERROR(NodeFailure(reply.status(), flags.run_id));
  const RepositoryOutcome outcome = {
      .kind = flags.kind, .nodes = NodesTaken(request, run), .reply = *std::move(reply)};
  const Console& console = session.console();
  ODW_RETURN_IF_ERROR(console.json() ? console.PrintJson(RepositoryToJson(outcome))
                                     : console.PrintText(RepositoryText(outcome)));
  return Judge(flags, outcome.reply);
}

CLI::App* AddVerb(CLI::App& app, Session& session, absl::Status* outcome, const char* name,
                  const char* help, Kind kind) {
  CLI::App* command = app.add_subcommand(name, help);
  auto flags = std::make_shared<RepositoryFlags>();
  flags->kind = kind;
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_option("node", flags->node, "One node, as n7 or 7 (default: all, in call order)");
  if (kind == v1::RepositoryRequest::APPLY) {
    command->add_flag("--allow-dirty", flags->allow_dirty,
                      "Also into files with uncommitted edits, where that merges without a conflict");
  }
  command->callback([flags, &session, outcome] { *outcome = RunRepository(session, *flags); });
  return command;
}

}  // namespace

void AddDiff(CLI::App& app, Session& session, absl::Status* outcome) {
  AddVerb(app, session, outcome, "diff", "Show what nodes with isolation: 'worktree' changed",
          v1::RepositoryRequest::DIFF)
      ->footer("  odwctl diff wf_1072dc96-6a2b4f01 n7 | less");
}

void AddApply(CLI::App& app, Session& session, absl::Status* outcome) {
  AddVerb(app, session, outcome, "apply",
          "Bring what nodes changed into the work tree, uncommitted: all of it or nothing",
          v1::RepositoryRequest::APPLY)
      ->footer(
          "Refused (exit code 6) with a report when changes conflict.\n\n"
          "  odwctl apply wf_1072dc96-6a2b4f01");
}

void AddMerge(CLI::App& app, Session& session, absl::Status* outcome) {
  AddVerb(app, session, outcome, "merge",
          "Merge what nodes changed into the current branch: all of it or nothing",
          v1::RepositoryRequest::MERGE)
      ->footer(
          "Refused (exit code 6) with a report when changes conflict.\n\n"
          "  odwctl merge wf_1072dc96-6a2b4f01 n7");
}

}  // namespace odw::client
