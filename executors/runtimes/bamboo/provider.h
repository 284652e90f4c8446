// What is known of OpenAI-compatible providers: where they listen, how they say what went wrong,
// how a request to them is written. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executors/runtimes/bamboo/chat_stream.h"
#include "executors/runtimes/bamboo/http_client.h"
#include "executors/runtimes/bamboo/provider_table.h"
#include "executors/runtimes/bamboo/turn.pb.h"
#include "odw/v1/types.pb.h"

namespace odw::executors {

struct ChatRequest {
  std::string model;
  std::string effort;       // empty: the provider's default; "none" and "off": without thinking
  uint32_t max_tokens = 0;  // 0: not sent
  std::string tools_json;   // empty: none
};

// Ends in /chat/completions: as it is. Provider deepseek, or ends in /v1 or /v4: +
// /chat/completions. Any other: + /v1/chat/completions.
std::string CompletionsUrl(const std::string& provider, std::string base_url);

// The body of a streamed completion request. `provider`: null for one that is not in the table.
std::string RequestBody(const Provider* provider, const ChatRequest& request,
                        const std::vector<ChatMessage>& messages);

// The error of an HTTP answer that is none, or of an error object within one. `body` may be
// anything.
odw::v1::Error ToError(const HttpResponse& response, std::string_view body);

// `text` without any occurrence of `secret`, bounded for a message.
std::string QuoteForPeople(std::string_view text, const std::string& secret);

}  // namespace odw::executors
