#include "daemon/model/fallback_entry.h"

#include <algorithm>

namespace odw::model {

std::optional<FallbackEntry> ParseFallback(const std::string& entry) {
  const size_t slash = entry.find('/');
  const std::string left = entry.substr(0, slash);
  const size_t colon = left.find(':');
  FallbackEntry parsed{.runtime = left.substr(0, colon)};
  if (slash != std::string::npos) {
    parsed.model = entry.substr(slash + 1);
    if (parsed.model.empty()) return std::nullopt;
  } else if (std::find(kModelRuntimes.begin(), kModelRuntimes.end(), parsed.runtime) ==
             kModelRuntimes.end()) {
    return std::nullopt;
  }
  if (colon != std::string::npos) {
    parsed.provider = left.substr(colon + 1);
    if (parsed.provider.empty()) return std::nullopt;
  }
  if (parsed.runtime.empty() || parsed.runtime == "command") return std::nullopt;
  return parsed;
}

}  // namespace odw::model
