// What `odwctl doctor` looks at. Reads only: nothing is started or changed. One thread.
#pragma once

#include <string>
#include <vector>

#include "client/session.h"

namespace odw::client {

enum class Verdict { kGood, kNote, kBad };

struct Check {
  std::string name;
  Verdict verdict = Verdict::kGood;
  std::string finding;
  std::string next_step;  // for kBad, sometimes for kNote
};

std::vector<Check> RunChecks(Session& session);
std::string ChecksText(const std::vector<Check>& checks);
// {"ok":bool,"checks":[{"name","verdict","finding","next_step"}]}
std::string ChecksToJson(const std::vector<Check>& checks);

}  // namespace odw::client
