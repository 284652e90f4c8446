// One thing that doctor looked at.
#pragma once

#include <string>

namespace odw::client {

enum class Verdict { kGood, kNote, kBad };

struct Check {
  std::string name;
  Verdict verdict = Verdict::kGood;
  std::string finding;
  std::string next_step;  // for kBad, sometimes for kNote
};

}  // namespace odw::client
