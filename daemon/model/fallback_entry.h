// One entry of a fallback list: "runtime/model", "runtime:provider/model", or either without the model
// ("codex", "bamboo:kimi") for the executor's own. Pure; thread-safe.
#pragma once

#include <array>
#include <optional>
#include <string>

namespace odw::model {

// The runtimes that call models.
inline constexpr std::array kModelRuntimes = {"claude", "codex", "bamboo", "mock"};

// What people are told of an entry that is none.
inline constexpr char kFallbackForms[] =
    "runtime/model, runtime:provider/model, or claude, codex or bamboo alone";

struct FallbackEntry {
  std::string runtime, provider, model;  // provider, model: empty when not named
};

// nullopt: it names no model that could be called.
std::optional<FallbackEntry> ParseFallback(const std::string& entry);

}  // namespace odw::model
