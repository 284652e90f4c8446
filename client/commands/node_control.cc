#include <CLI/CLI.hpp>

#include "client/arguments.h"
#include "client/commands/commands.h"
#include "client/output/json.h"
#include "client/output/run_text.h"

namespace odw::client {
namespace {

struct NodeFlags {
  std::string run_id;
  std::string node;
};

using NodeCall = absl::StatusOr<v1::RunReply> (ControlClient::*)(const v1::NodeRequest&);

absl::Status ControlNode(Session& session, const NodeFlags& flags, NodeCall call,
                         const std::string& done) {
  v1::NodeRequest request;
  request.set_run_id(flags.run_id);
  ODW_ASSIGN_OR_RETURN(const uint64_t node, ParseNode(flags.node));
  request.set_node(node);
  const absl::StatusOr<v1::RunReply> answer = session.CallOnce<v1::RunReply>(
      [&](ControlClient& client) { return (client.*call)(request); });
  ODW_RETURN_IF_ERROR(NodeFailure(answer.status(), flags.run_id));
  const v1::RunReply& reply = *answer;
  const Console& console = session.console();
  if (console.json()) return console.PrintJson(RunToJson(reply.run()));
  return console.Print("n" + std::to_string(node) + " " + done + "; " + RunEndLine(reply.run()) +
                       "\n");
}

CLI::App* AddNodeVerb(CLI::App& app, const char* name, const char* help, NodeFlags* flags) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_option("node", flags->node, "The node, as n7 or 7")->required();
  return command;
}

}  // namespace

void AddSkip(CLI::App& app, Session& session, absl::Status* outcome) {
  auto flags = std::make_shared<NodeFlags>();
  CLI::App* command =
      AddNodeVerb(app, "skip", "Give up one node: its call resolves to null", flags.get());
  command->footer(
      "Refused (exit code 6) for a node that has ended. A skipped node is no failure, "
      "and a resume runs it.\n\n"
      "  odwctl skip wf_1072dc96-6a2b4f01 n7");
  command->callback([flags, &session, outcome] {
    *outcome = ControlNode(session, *flags, &ControlClient::Skip, "skipped");
  });
}

void AddRestart(CLI::App& app, Session& session, absl::Status* outcome) {
  auto flags = std::make_shared<NodeFlags>();
  CLI::App* command = AddNodeVerb(
      app, "restart", "Make one node's call again: what its earlier attempts still say is dropped",
      flags.get());
  command->footer(
      "Refused (exit code 6) for a node that has ended: resume with a changed prompt "
      "instead.\n\n"
      "  odwctl restart wf_1072dc96-6a2b4f01 n7");
  command->callback([flags, &session, outcome] {
    *outcome = ControlNode(session, *flags, &ControlClient::Restart, "starts again");
  });
}

}  // namespace odw::client
