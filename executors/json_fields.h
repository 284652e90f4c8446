// Reads fields of JSON that somebody else wrote, where any may be missing or of another kind.
// Templates, so that the JSON library stays in the .cc files. Thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace odw::executors {

// The field's text; empty where it is none.
template <typename Json>
std::string TextOf(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->template get<std::string>() : "";
}

// The field's number, cut to what no counter here overflows with; 0 where it is none.
template <typename Json>
uint64_t CountOf(const Json& object, const char* key) {
  constexpr double kCountMax = 1e15;
  const auto it = object.find(key);
  return it != object.end() && it->is_number()
             ? static_cast<uint64_t>(std::clamp(it->template get<double>(), 0.0, kCountMax))
             : 0;
}

// The field where it is an object or an array, else an empty object.
template <typename Json>
const Json& PartOf(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  const auto it = object.find(key);
  return it != object.end() && it->is_structured() ? *it : kNone;
}

}  // namespace odw::executors
