#include "daemon/base/version.h"

#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/output/json.h"
#include "daemon/base/canonical_json.h"

namespace odw::client {
namespace {

// The daemon's version where one runs; none is started for this.
std::string DaemonVersion(Session& session) {
  const absl::StatusOr<Endpoint> endpoint = session.FindDaemon();
  if (!endpoint.ok()) {
    const absl::StatusOr<StateFolder> folder = session.Folder();
    const auto file = folder.ok() ? ReadDaemonFile(*folder) : folder.status();
    const bool other = FailureOf(endpoint.status()).code == "version_mismatch" && file.ok();
    return other ? file->version : "";
  }
  const absl::StatusOr<v1::Info> info = ControlClient(*endpoint).GetInfo();
  return info.ok() ? info->version() : "";
}

absl::Status RunVersion(Session& session) {
  const Console& console = session.console();
  const std::string daemon = DaemonVersion(session);
  if (console.json()) {
    return console.PrintJson(std::string("{\"odwctl\":") + JsonQuote(kVersion) +
                             ",\"odwd\":" + (daemon.empty() ? "null" : JsonQuote(daemon)) + "}");
  }
  return console.Print(std::string("odwctl ") + kVersion + "\nodwd " +
                       (daemon.empty() ? "not running" : daemon) + "\n");
}

}  // namespace

void AddVersion(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand("version", "Print odwctl's version and the daemon's");
  command->callback([&session, outcome] { *outcome = RunVersion(session); });
}

}  // namespace odw::client
