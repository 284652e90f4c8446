// The providers that bamboo knows by name, as data: addresses, keys, models, and in what
// their dialects differ. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace odw::executors {

enum class Thinking {
  kNotSaid,     // nothing is sent
  kTypeField,   // thinking: {type: enabled|disabled}
  kEnableFlag,  // enable_thinking: true|false
  kSplit,       // reasoning_split: true, always
};

struct Provider {
  std::string name;
  std::string base_url;
  std::vector<std::string> key_variables;  // the first that is set counts; NAME_BASE_URL and
                                           // NAME_MODEL go with NAME_API_KEY
  std::string model;                       // for requests that name none
  Thinking thinking = Thinking::kNotSaid;
  bool takes_effort = false;     // reasoning_effort is sent
  bool long_max_tokens = false;  // max_completion_tokens instead of max_tokens
  bool keeps_reasoning =
      false;                // refuses tool calls that come back without their reasoning_content
  bool key_header = false;  // the key also as `api-key:`
};

// Null when there is none of that name.
const Provider* FindProvider(std::string_view name);
const std::vector<Provider>& KnownProviders();

}  // namespace odw::executors
