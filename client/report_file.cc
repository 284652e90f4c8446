#include "client/report_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "client/failure.h"
#include "daemon/base/canonical_json.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

absl::Status Fetch(Session& session, const std::string& run_id,
                   const std::function<absl::Status(const std::string&)>& on_chunk) {
  v1::ReportRequest request;
  request.set_run_id(run_id);
  ODW_ASSIGN_OR_RETURN(ControlClient* const client, session.Client());
  return client->Report(request, on_chunk);
}

absl::Status CannotWrite(const std::string& run_id, const std::string& path,
                         const absl::Status& status) {
  return FailureStatus({ExitCode::kRunFailed, "output_failed",
                        "the report cannot be written to " + path + ": " + MessageOf(status),
                        "Give another file: odwctl report " + run_id +
                            " --out FILE. The run is kept."});
}

}  // namespace

absl::Status WriteReport(Session& session, const std::string& run_id, const std::string& path) {
  if (path == "-") {
    return Fetch(session, run_id,
                 [&](const std::string& chunk) { return session.console().Print(chunk); });
  }
  const std::string partial = path + ".part-" + std::to_string(getpid());
  UniqueFd file(open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid()) return CannotWrite(run_id, path, ErrnoStatus("opening it"));
  absl::Status status = Fetch(session, run_id, [&](const std::string& chunk) {
    const absl::Status written = WriteAll(file.get(), chunk.data(), chunk.size());
    return written.ok() ? written : CannotWrite(run_id, path, written);
  });
  if (status.ok() && rename(partial.c_str(), path.c_str()) != 0) {
    status = CannotWrite(run_id, path, ErrnoStatus("renaming it"));
  }
  if (!status.ok()) unlink(partial.c_str());
  return status;
}

std::string ReportPathJson(const std::string& path) { return JsonQuote(path); }

}  // namespace odw::client
