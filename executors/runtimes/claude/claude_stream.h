// Reads one turn of `claude -p --output-format stream-json`. Versions differ in which keys they
// write, so nothing but what is needed is relied on. Not thread-safe.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "executors/cli/cli_adapter.h"

namespace odw::executors {

class ClaudeReader : public CliReader {
 public:
  enum class Denials { kTolerated, kFailTheTask };
  // `schema`: the turn asks for structured output; without one, such an answer is not looked for.
  ClaudeReader(Denials denials, bool schema) : denials_(denials), schema_(schema) {}

  void Line(std::string_view line) override;
  CliAnswer Finish(const odw::v1::Result& end) override;
  std::string session_id() const override { return session_id_; }
  odw::v1::Usage usage_so_far() const override;
  // A wait that the provider asked for and that is too long to hold a slot for it.
  odw::v1::Error hopeless() const override;

 private:
  const Denials denials_;
  const bool schema_;
  std::string session_id_;
  std::string model_;
  odw::v1::Usage usage_;            // summed from the calls, until the result tells the whole
  std::set<std::string> messages_;  // ids counted; several lines share one
  uint64_t written_tokens_ = 0;
  uint64_t said_bytes_ = 0;      // by the model; the calls' own usage says 1 token until the result
  uint32_t retry_delay_ms_ = 0;  // of the last retry that the CLI announced
  uint64_t waits_for_status_ =
      0;                     // it waits for that retry now, after this HTTP status; 0: it does not
  std::string result_line_;  // empty: it never came
  std::string last_text_;
};

}  // namespace odw::executors
