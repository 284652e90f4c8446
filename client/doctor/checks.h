// What `odwctl doctor` looks at. Nothing is started or changed, but for a probe. One thread.
#pragma once

#include <string>
#include <vector>

#include "client/doctor/check.h"
#include "client/session.h"

namespace odw::client {

struct DoctorWish {
  std::string executor_config;  // empty: the state folder's, where there is one
  bool probe = false;           // also one short prompt to each provider that has a key
};

struct DoctorReport {
  std::vector<Check> checks;
  std::string runtimes_json = "[]";  // what the executors found: executors/doctor/README.md
  std::string limits_json;           // of the daemon (output/json.h); empty: none was asked
};

DoctorReport RunChecks(Session& session, const DoctorWish& wish);
std::string ChecksText(const std::vector<Check>& checks);
// {"ok":bool,"checks":[{"name","verdict","finding","next_step"}],"runtimes":[...],"providers":[...],
// "today":{...}}
std::string ReportToJson(const DoctorReport& report);

}  // namespace odw::client
