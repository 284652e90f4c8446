// Reads one turn of `claude -p --output-format stream-json`. Versions differ in which keys they
// write, so nothing but what is needed is relied on. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
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
  void TranscriptLine(std::string_view line) override;
  CliAnswer Finish(const odw::v1::Result& end) override;
  std::string session_id() const override { return session_id_; }
  odw::v1::Usage usage_so_far() const override;
  // A wait that the provider asked for and that is too long to hold a slot for it.
  odw::v1::Error hopeless() const override;

 private:
  struct Call {
    odw::v1::Usage usage;
    uint64_t written_tokens = 0;  // to the provider's cache
    uint64_t said_bytes = 0;      // by the model
  };
  enum class Untold { kAsTold, kEstimated };
  odw::v1::Usage SumOfCalls(Untold untold, uint64_t* written_tokens) const;

  const Denials denials_;
  const bool schema_;
  std::string session_id_;
  std::string model_;
  std::string asked_model_;         // as the CLI told at the start
  uint32_t tool_calls_ = 0;
  // By message id, which several lines share. stdout is written as a call begins to answer: it says
  // 1 token of output. The transcript says how many they were, of former turns' calls too.
  std::map<std::string, Call> calls_;
  std::map<std::string, Call> transcript_;
  uint32_t retry_delay_ms_ = 0;  // of the last retry that the CLI announced
  uint64_t waits_for_status_ =
      0;                     // it waits for that retry now, after this HTTP status; 0: it does not
  std::string result_line_;  // empty: it never came
  std::string last_text_;
};

}  // namespace odw::executors
