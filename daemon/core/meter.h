// What attempts that are under way say to have used so far: a call that never ends is stopped when a
// ceiling is passed, not when it is paid for. Rebuilt, not folded: it is told again with each progress.
// Pure.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "odw/v1/executor.pb.h"

namespace odw::core {

// Begins the reason of a Cancel, and so is in the answer of the attempt that was stopped, also after a
// restart: its call is no failure, it waits for a higher ceiling.
inline constexpr char kOverCeiling[] = "over a ceiling: ";

// An attempt ended with this because it was stopped so.
inline bool SaysOverCeiling(const v1::Error& error) {
  return error.message().find(kOverCeiling) != std::string::npos;
}

class Meter {
 public:
  // `price`: of its model, for what it has not priced itself; null: not known.
  void Tell(const std::string& token, const v1::Usage& so_far, const v1::Model* price);
  void Release(const std::string& token) { told_.erase(token); }
  // True once an attempt.
  bool Stop(const std::string& token);

  v1::Usage SumOf(const absl::flat_hash_set<std::string>& tokens) const;
  v1::Usage Sum() const;

 private:
  struct Told {
    v1::Usage so_far;
    bool stopped = false;
  };
  absl::flat_hash_map<std::string, Told> told_;
};

}  // namespace odw::core
