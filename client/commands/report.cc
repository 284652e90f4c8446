#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/report_file.h"

namespace odw::client {
namespace {

struct ReportFlags {
  std::string run_id;
  std::string out;
};

absl::Status RunReport(Session& session, ReportFlags flags) {
  if (flags.out.empty()) flags.out = flags.run_id + ".html";
  ODW_RETURN_IF_ERROR(WriteReport(session, flags.run_id, flags.out));
  const Console& console = session.console();
  if (flags.out == "-") return absl::OkStatus();
  if (console.json()) return console.PrintJson("{\"report\":" + ReportPathJson(flags.out) + "}");
  return console.Print(flags.out + "\n");
}

}  // namespace

void AddReport(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "report", "Write a run's report, finished or not: one HTML file that needs no network");
  auto flags = std::make_shared<ReportFlags>();
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_option("-o,--out", flags->out, "The file to write (default: RUN.html); - is stdout");
  command->footer("  odwctl report wf_1072dc96-6a2b4f01 --out report.html");
  command->callback([flags, &session, outcome] { *outcome = RunReport(session, *flags); });
}

}  // namespace odw::client
