#include <CLI/CLI.hpp>

#include "client/arguments.h"
#include "client/commands/commands.h"
#include "client/output/json.h"
#include "client/output/reply_text.h"

namespace odw::client {
namespace {

struct ExplainFlags {
  std::string run_id;
  std::string node;
};

absl::Status RunExplain(Session& session, const ExplainFlags& flags) {
  v1::NodeRequest request;
  request.set_run_id(flags.run_id);
  ODW_ASSIGN_OR_RETURN(const uint64_t node, ParseNode(flags.node));
  request.set_node(node);
  const absl::StatusOr<v1::ExplainResponse> explained = session.Call<v1::ExplainResponse>(
      [&](ControlClient& client) { return client.Explain(request); });
  ODW_RETURN_IF_ERROR(NodeFailure(explained.status(), flags.run_id));
  const v1::ExplainResponse& reply = *explained;
  const Console& console = session.console();
  if (console.json()) return console.PrintJson(ExplainToJson(reply));
  return console.Print(ExplainText(reply));
}

}  // namespace

void AddExplain(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "explain", "Why a node of a resumed run was reused, or was not: the fields that changed");
  command->footer("  odwctl explain wf_1072dc96-6a2b4f01 n7");
  auto flags = std::make_shared<ExplainFlags>();
  command->add_option("run", flags->run_id, "The resumed run's id")->required();
  command->add_option("node", flags->node, "The node, as n7 or 7")->required();
  command->callback([flags, &session, outcome] { *outcome = RunExplain(session, *flags); });
}

}  // namespace odw::client
