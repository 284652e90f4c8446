#include "client/console.h"

#include <unistd.h>

#include "client/output/json.h"
#include "client/output/text.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

// Above this a value is printed as it came: nobody reads that much, and programs take either form.
constexpr size_t kIndentBytesMax = 4 << 20;

}  // namespace

absl::Status Console::Print(const std::string& text) const {
  printed_ = true;
  const absl::Status status = WriteAll(STDOUT_FILENO, text.data(), text.size());
  if (status.ok()) return status;
  return FailureStatus({ExitCode::kRunFailed, "output_failed",
                        "the output could not be written: " + MessageOf(status),
                        "Make room or give another place; the run keeps its result: "
                        "odwctl result RUN"});
}

absl::Status Console::PrintText(const std::string& text) const {
  return Print(isatty(STDOUT_FILENO) == 1 ? SafeText(text) : text);
}

absl::Status Console::PrintJson(const std::string& json) const { return Print(json + "\n"); }

absl::Status Console::PrintValue(const std::string& value_json) const {
  if (json()) return PrintJson(value_json.empty() ? "null" : value_json);
  if (value_json.empty()) return absl::OkStatus();  // the script returned nothing
  if (const auto text = JsonStringValue(value_json)) return PrintText(*text + "\n");
  return Print((value_json.size() > kIndentBytesMax ? value_json : PrettyJson(value_json)) + "\n");
}

void Console::Say(const std::string& text) const {
  const std::string line = SafeText(text) + "\n";
  (void)WriteAll(STDERR_FILENO, line.data(), line.size());
}

void Console::Fail(const Failure& failure) const {
  std::string message = SafeText(failure.message);
  while (!message.empty() && message.back() == '\n') message.pop_back();
  Say("odwctl: " + message);
  if (!failure.next_step.empty()) Say("  next: " + failure.next_step);
  if (json() && !printed_) (void)PrintJson(FailureToJson(failure));
}

}  // namespace odw::client
