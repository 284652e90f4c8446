// guide, contract and spec: what is embedded in odwctl, printed.
#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/documents/documents.h"
#include "daemon/base/canonical_json.h"

namespace odw::client {
namespace {

void AddText(CLI::App& app, Session& session, absl::Status* outcome, const std::string& name,
             const char* help, std::string_view (*text)()) {
  CLI::App* command = app.add_subcommand(name, help);
  command->footer("  odwctl " + name + " | less");
  command->callback([name, text, &session, outcome] {
    const Console& console = session.console();
    *outcome = console.json() ? console.PrintJson("{\"" + name + "\":" + JsonQuote(text()) + "}")
                              : console.Print(std::string(text()));
  });
}

}  // namespace

void AddTexts(CLI::App& app, Session& session, absl::Status* outcome) {
  AddText(app, session, outcome, "guide", "How to write a workflow, on one page", GuideText);
  AddText(app, session, outcome, "spec",
          "TypeScript definitions of everything a script finds (odw.d.ts)", TypesText);
  AddText(app, session, outcome, "contract",
          "What a node's answer must be, and what a script sees when there is none", ContractText);
}

}  // namespace odw::client
