// Takes the values of secrets out of what a task leaves behind, before it is spooled. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "odw/v1/executor.pb.h"

namespace odw::executors {

class Redactor {
 public:
  Redactor() = default;
  explicit Redactor(std::vector<std::string> secrets);
  // The values of this process's environment whose names end in KEY, TOKEN, SECRET or PASSWORD.
  static Redactor OfEnvironment();

  // Each secret becomes "[redacted]"; as text, and as it stands inside a JSON string.
  void Redact(std::string* text) const;
  // Value, raw text, error and worktree's diff. A result is whole here, so no secret is split over
  // pieces.
  void Redact(odw::v1::Result* result) const;

 private:
  std::vector<std::string> secrets_;  // the longest first
};

}  // namespace odw::executors
