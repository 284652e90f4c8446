// Finds what looks like a credential in a script or its args, so that it is refused before it is stored
// (DESIGN "Secrets"). Known shapes alone, by prefix and alphabet: no regex, one pass, no entropy
// guesses. Placeholders (few different characters, or the word EXAMPLE) are let through. Pure;
// thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace odw::model {

// On the line of a match, it says that the author knows: that match is let through.
inline constexpr std::string_view kAllowSecretMark = "odw:allow-secret";

struct FoundSecret {
  const char* kind = "";  // "an Anthropic API key"
  size_t byte = 0;        // where it begins
};

// The first one. Never hands out the secret itself.
std::optional<FoundSecret> FindSecret(std::string_view text);

}  // namespace odw::model
