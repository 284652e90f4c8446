// Reads the answer of a chat completion, streamed (SSE) or whole, as its bytes come. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executors/runtimes/bamboo/turn.pb.h"
#include "odw/v1/types.pb.h"

namespace odw::executors {

inline constexpr size_t kAnswerBytesMax = 32 << 20;  // it may travel twice: as value and as raw text
inline constexpr size_t kErrorBodyBytesMax = 64 << 10;

struct ChatAnswer {
  std::string text;
  std::string finish_reason;  // empty: it never came
  std::string model;
  bool refused = false;
  std::string reasoning;      // whatever field it came in
  std::vector<ToolCall> calls;
  bool too_large = false;
  bool broken = false;        // something that is not the protocol
  odw::v1::Usage usage;
  std::string error_json;     // an error object in place of, or within, the answer
};

class ChatStream {
 public:
  void Feed(std::string_view bytes);
  // No more comes.
  ChatAnswer Finish();
  // What came, for an error's text: bounded.
  const std::string& head() const { return head_; }
  size_t said_bytes() const { return answer_.text.size() + answer_.reasoning.size(); }

 private:
  enum class Kind { kUnknown, kEvents, kWhole };
  void TakeLines();
  void TakeEvent(std::string_view data);
  Kind kind_ = Kind::kUnknown;
  std::string buffer_;
  std::string head_;
  ChatAnswer answer_;
};

}  // namespace odw::executors
