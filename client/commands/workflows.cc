#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "client/arguments.h"
#include "client/commands/commands.h"
#include "client/commands/submission.h"
#include "client/output/json.h"
#include "client/output/reply_text.h"
#include "client/workflows/workflow_file.h"
#include "daemon/base/canonical_json.h"

namespace odw::client {
namespace {

constexpr size_t kSourceBytesMax = 4 << 20;

struct WorkflowFlags {
  std::string cwd;
  std::string name;  // show, remove: a workflow; save: a file or a run
  bool all = false;
  bool claude = false;
  bool force = false;
};

absl::StatusOr<std::string> Folder(const WorkflowFlags& flags) {
  return flags.cwd.empty() ? CurrentFolder() : ExistingFolder("--cwd", flags.cwd);
}

absl::StatusOr<v1::ListWorkflowsResponse> FetchList(Session& session, const WorkflowFlags& flags) {
  v1::ListWorkflowsRequest request;
  ODW_ASSIGN_OR_RETURN(*request.mutable_cwd(), Folder(flags));
  return session.Call<v1::ListWorkflowsResponse>(
      [&](ControlClient& client) { return client.ListWorkflows(request); });
}

absl::StatusOr<v1::SavedWorkflow> Find(Session& session, const WorkflowFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const v1::ListWorkflowsResponse list, FetchList(session, flags));
  std::string known;
  for (const v1::SavedWorkflow& workflow : list.workflows()) {
    if (workflow.shadowed() || workflow.name().empty()) continue;
    if (workflow.name() == flags.name) return workflow;
    known += (known.empty() ? "" : ", ") + workflow.name();
  }
  return FailureStatus(
      {ExitCode::kNotFound, "not_found", "no saved workflow is named '" + flags.name + "'",
       known.empty() ? "Save one: odwctl workflows save flow.js" : "There are: " + known});
}

// What a run could name (SPEC M3): a file whose meta is bad has no name, and a body that is refused is
// told when it runs. How many files were left out.
int KeepNameable(v1::ListWorkflowsResponse* list) {
  v1::ListWorkflowsResponse kept;
  for (v1::SavedWorkflow& workflow : *list->mutable_workflows()) {
    if (workflow.name().empty()) continue;
    workflow.clear_problem();
    *kept.add_workflows() = std::move(workflow);
  }
  const int left_out = list->workflows_size() - kept.workflows_size();
  *list = std::move(kept);
  return left_out;
}

absl::Status List(Session& session, const WorkflowFlags& flags) {
  ODW_ASSIGN_OR_RETURN(v1::ListWorkflowsResponse list, FetchList(session, flags));
  const int left_out = flags.all ? 0 : KeepNameable(&list);
  const Console& console = session.console();
  if (console.json()) return console.PrintJson(WorkflowsToJson(list));
  ODW_RETURN_IF_ERROR(console.Print(WorkflowTable(list)));
  if (left_out > 0) {
    console.Say(std::to_string(left_out) +
                (left_out == 1 ? " file is" : " files are") +
                " left out, having no good meta: odwctl workflows list --all says why");
  }
  return absl::OkStatus();
}

absl::Status Show(Session& session, const WorkflowFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const v1::SavedWorkflow workflow, Find(session, flags));
  ODW_ASSIGN_OR_RETURN(const std::string source,
                       ReadInput(workflow.path(), kSourceBytesMax, "workflow"));
  const Console& console = session.console();
  if (!console.json()) return console.PrintText(source);
  return console.PrintJson(
      "{\"name\":" + JsonQuote(workflow.name()) + ",\"place\":" + JsonQuote(workflow.place()) +
      ",\"path\":" + JsonQuote(workflow.path()) + ",\"source\":" + JsonQuote(source) + "}");
}

absl::Status Remove(Session& session, const WorkflowFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const v1::SavedWorkflow workflow, Find(session, flags));
  ODW_RETURN_IF_ERROR(RemoveWorkflow(workflow.path()));
  const Console& console = session.console();
  if (console.json()) return console.PrintJson("{\"removed\":" + JsonQuote(workflow.path()) + "}");
  return console.Print("removed " + workflow.path() + "\n");
}

// A file, or the script of a run.
absl::StatusOr<Script> SourceToSave(Session& session, const std::string& what) {
  if (what == "-" || access(what.c_str(), F_OK) == 0) return ReadScript(what);
  if (what.rfind("wf_", 0) != 0) {
    return UsageError("'" + what + "' is neither a file nor a run",
                      "Give a script, or the id of a run whose script is to be kept.");
  }
  v1::GetSourceRequest request;
  request.set_run_id(what);
  ODW_ASSIGN_OR_RETURN(v1::GetSourceResponse reply,
                       session.Call<v1::GetSourceResponse>(
                           [&](ControlClient& client) { return client.GetSource(request); }));
  return Script{.source = std::move(*reply.mutable_script()), .name = reply.script_name()};
}

absl::Status Save(Session& session, const WorkflowFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const std::string project, Folder(flags));
  ODW_ASSIGN_OR_RETURN(const Script script, SourceToSave(session, flags.name));
  v1::CheckRequest request;
  request.set_script(script.source);
  request.set_script_name(script.name);
  ODW_ASSIGN_OR_RETURN(const v1::CheckResponse checked,
                       session.Call<v1::CheckResponse>(
                           [&](ControlClient& client) { return client.Check(request); }));
  const Console& console = session.console();
  if (!checked.ok() || checked.name().empty()) {
    console.Say(CheckText(script.name, script.source, checked));
    return FailureStatus({ExitCode::kUsage, "bad_script",
                          checked.ok() ? script.name + " has no meta.name to be found under"
                                       : script.name + " would not run, so it is not saved",
                          "Correct it: odwctl check names every problem."});
  }
  ODW_ASSIGN_OR_RETURN(const std::string file, WorkflowFileName(checked.name()));
  ODW_ASSIGN_OR_RETURN(
      const std::string path,
      SaveWorkflow(project, flags.claude ? WorkflowPlace::kClaude : WorkflowPlace::kOdw, file,
                   script.source, flags.force ? Existing::kReplace : Existing::kKeep));
  if (console.json()) {
    return console.PrintJson("{\"name\":" + JsonQuote(checked.name()) +
                             ",\"path\":" + JsonQuote(path) + "}");
  }
  return console.Print("saved " + path + "\nrun it: odwctl exec '" + checked.name() + "'\n");
}

using Verb = absl::Status (*)(Session&, const WorkflowFlags&);

CLI::App* Add(CLI::App* group, Session& session, absl::Status* outcome, const char* name,
              const char* help, Verb verb, const std::shared_ptr<WorkflowFlags>& flags) {
  CLI::App* command = group->add_subcommand(name, help);
  command->add_option("--cwd", flags->cwd, "The project's folder (default: this one)");
  command->callback([flags, verb, &session, outcome] { *outcome = verb(session, *flags); });
  return command;
}

}  // namespace

void AddWorkflows(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* group = app.add_subcommand("workflows", "Saved workflows: list, show, save, remove");
  group->require_subcommand(1);
  group->footer(
      "Looked for in .claude/workflows here and in each folder up to the repository's top, "
      "nearest first; in .odw/workflows the same way; in ~/.claude/workflows. A "
      "workflow's name is its meta.name.\n\n"
      "  odwctl workflows save flow.js\n"
      "  odwctl exec 'review changes'\n"
      "  odwctl workflows save wf_1072dc96-6a2b4f01 --claude   (the script of a run)");
  auto flags = std::make_shared<WorkflowFlags>();
  Add(group, session, outcome, "list", "The workflows that a run here could name", List, flags)
      ->add_flag("--all", flags->all, "Also files that cannot be used, and what is wrong with each");
  Add(group, session, outcome, "show", "Print a saved workflow's script", Show, flags)
      ->add_option("name", flags->name, "Its name")
      ->required();
  CLI::App* save = Add(group, session, outcome, "save",
                       "Keep a script under its name: a file, or the script of a run", Save, flags);
  save->add_option("source", flags->name, "A file, a run's id, or - for stdin")->required();
  save->add_flag("--claude", flags->claude, "Into .claude/workflows instead of .odw/workflows");
  save->add_flag("--force", flags->force, "Replace another workflow of that file name");
  Add(group, session, outcome, "remove", "Remove a saved workflow's file", Remove, flags)
      ->add_option("name", flags->name, "Its name")
      ->required();
}

}  // namespace odw::client
