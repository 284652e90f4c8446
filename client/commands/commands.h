// The verbs of odwctl, one a file. Each adds its subcommand with flags and help to `app`; when the
// command line names it, its callback runs it and leaves the outcome in `*outcome`. A status
// without a Failure inside gets the usual exit code of its code (failure.h).
#pragma once

#include "client/session.h"
#include "daemon/base/status.h"

namespace CLI {
class App;
}

namespace odw::client {

void AddExec(CLI::App& app, Session& session, absl::Status* outcome);
void AddSubmit(CLI::App& app, Session& session, absl::Status* outcome);
void AddStatus(CLI::App& app, Session& session, absl::Status* outcome);
void AddList(CLI::App& app, Session& session, absl::Status* outcome);
void AddWatch(CLI::App& app, Session& session, absl::Status* outcome);
void AddResult(CLI::App& app, Session& session, absl::Status* outcome);
void AddStop(CLI::App& app, Session& session, absl::Status* outcome);
void AddReport(CLI::App& app, Session& session, absl::Status* outcome);
void AddPause(CLI::App& app, Session& session, absl::Status* outcome);
void AddUnpause(CLI::App& app, Session& session, absl::Status* outcome);
void AddSkip(CLI::App& app, Session& session, absl::Status* outcome);
void AddRestart(CLI::App& app, Session& session, absl::Status* outcome);
void AddResume(CLI::App& app, Session& session, absl::Status* outcome);
void AddRerun(CLI::App& app, Session& session, absl::Status* outcome);
void AddExplain(CLI::App& app, Session& session, absl::Status* outcome);
void AddCheck(CLI::App& app, Session& session, absl::Status* outcome);
void AddPlan(CLI::App& app, Session& session, absl::Status* outcome);
void AddWorkflows(CLI::App& app, Session& session, absl::Status* outcome);
void AddDiff(CLI::App& app, Session& session, absl::Status* outcome);
void AddApply(CLI::App& app, Session& session, absl::Status* outcome);
void AddMerge(CLI::App& app, Session& session, absl::Status* outcome);
void AddDelete(CLI::App& app, Session& session, absl::Status* outcome);
void AddRuns(CLI::App& app, Session& session, absl::Status* outcome);
void AddTexts(CLI::App& app, Session& session, absl::Status* outcome);  // guide, spec, contract
void AddCapabilities(CLI::App& app, Session& session, absl::Status* outcome);
void AddDoctor(CLI::App& app, Session& session, absl::Status* outcome);
void AddVersion(CLI::App& app, Session& session, absl::Status* outcome);

}  // namespace odw::client
