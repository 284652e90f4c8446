// Fetching a run's report into a file. One thread.
#pragma once

#include <string>

#include "client/session.h"

namespace odw::client {

// Writes the report of `run_id` to `path` ("-": stdout). A file is replaced only by a whole report.
absl::Status WriteReport(Session& session, const std::string& run_id, const std::string& path);

// `path` as a JSON string.
std::string ReportPathJson(const std::string& path);

}  // namespace odw::client
