// The JSON value in a model's words. Thread-safe.
#pragma once

#include <string>

namespace odw::executors {

// The whole text, or the last fence that holds JSON, or the longest object or list between other
// words. Empty: there is none.
std::string ExtractJson(const std::string& text);

}  // namespace odw::executors
