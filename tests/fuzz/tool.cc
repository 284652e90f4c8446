#include "tests/fuzz/tool.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <functional>

#include "absl/strings/ascii.h"

namespace odw::fuzz {
namespace {

constexpr size_t kKinds = 1 << 14;
constexpr size_t kKindLettersMax = 40;  // a message may go on with a piece of the input

// libFuzzer reads this section as further counters of edges.
__attribute__((section("__libfuzzer_extra_counters"))) uint8_t seen_kinds[kKinds];

}  // namespace

void Broken(std::string_view what, std::string_view evidence) {
  fprintf(stderr, "BROKEN: %.*s\n%.*s\n", static_cast<int>(what.size()), what.data(),
          static_cast<int>(evidence.size()), evidence.data());
  abort();
}

void Noticed(std::string_view kind) {
  std::string plain;
  char quote = 0;
  for (const char c : kind) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (absl::ascii_isalpha(static_cast<unsigned char>(c)) && plain.size() < kKindLettersMax) {
      plain += c;
    }
  }
  seen_kinds[std::hash<std::string>()(plain) % kKinds] = 1;
}

Tool::Tool(const std::string& role) {
  const char* program = getenv("ODW_SCRIPT");
  if (program == nullptr) Broken("ODW_SCRIPT does not name the odw-script binary", "");
  auto pair = MakeSocketPair();
  if (!pair.ok()) Broken("no socket pair", MessageOf(pair.status()));
  socket_ = std::move(pair->ours);
  SubprocessOptions options;
  options.argv = {program, role};
  options.fds = {{pair->theirs.get(), 0}, {pair->theirs.get(), 1}, {2, 2}};
  auto process = StartSubprocess(options);
  if (!process.ok()) Broken("odw-script does not start", MessageOf(process.status()));
  process_ = std::move(*process);
}

Tool::~Tool() {
  socket_.Reset();  // the end of its input ends it
  (void)process_.Wait();
}

std::string Tool::Ask(const std::string& request) {
  if (!WriteFrame(socket_.get(), request).ok()) Broken("odw-script is gone", "it takes no request");
  auto frame = ReadFrame(socket_.get(), &reader_);
  if (!frame.ok()) Broken("odw-script's answer is no frame", MessageOf(frame.status()));
  if (!frame->has_value()) Broken("odw-script ended instead of answering", "");
  return std::move(**frame);
}

}  // namespace odw::fuzz
