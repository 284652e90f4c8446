// Reads one turn of `codex exec --json`. Not thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "executors/cli/cli_adapter.h"

namespace odw::executors {

class CodexReader : public CliReader {
 public:
  // `before`: the thread's usage before this turn; codex counts over the whole thread.
  CodexReader(std::string model, const odw::v1::Usage& before)
      : model_(std::move(model)), before_(before), written_down_(before) {}

  void Line(std::string_view line) override;
  void TranscriptLine(std::string_view line) override;
  CliAnswer Finish(const odw::v1::Result& end) override;
  std::string session_id() const override { return thread_id_; }
  odw::v1::Usage usage_so_far() const override;
  // It waits for a network for ever, or as long as the provider told it to: too long to hold a slot
  // for it.
  odw::v1::Error hopeless() const override;

 private:
  const odw::v1::Usage& ThreadUsage() const;

  const std::string model_;
  const odw::v1::Usage before_;
  std::string thread_id_;
  std::string text_;
  bool spoke_ = false;  // an agent message came, be it empty
  bool completed_ = false;
  std::string failure_;     // turn.failed's message
  std::string last_error_;  // of an error event, which need not be final
  uint32_t tool_calls_ = 0;
  odw::v1::Usage thread_usage_;   // once it is completed
  odw::v1::Usage written_down_;   // the thread's so far, by its transcript
  uint32_t calls_written_ = 0;    // of this turn, in the transcript
  bool has_records_ = false;      // the transcript has a record of each call
  odw::v1::Error hopeless_;
  absl::Time limited_since_ = absl::InfiniteFuture();  // it waits after a 429, seen at this time
};

// The category of codex's own words for what went wrong.
odw::v1::ErrorCategory CodexCategory(const std::string& message);

}  // namespace odw::executors
