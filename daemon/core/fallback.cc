#include "daemon/core/fallback.h"

#include <optional>
#include <string>

namespace odw::core {
namespace {

constexpr int kFallbacksMax = 16;

struct Target {
  std::string runtime, provider, model;
};

std::optional<Target> Parse(const std::string& entry) {
  const size_t slash = entry.find('/');
  if (slash == std::string::npos || slash + 1 >= entry.size()) return std::nullopt;
  const std::string left = entry.substr(0, slash);
  const size_t colon = left.find(':');
  Target target{.runtime = left.substr(0, colon), .model = entry.substr(slash + 1)};
  if (colon != std::string::npos) {
    target.provider = left.substr(colon + 1);
    if (target.provider.empty()) return std::nullopt;
  }
  if (target.runtime.empty() || target.runtime == "command") return std::nullopt;
  return target;
}

bool MayHelp(v1::ErrorCategory category) {
  switch (category) {
    case v1::RATE_LIMIT:
    case v1::OVERLOADED:
    case v1::NETWORK:
    case v1::AUTH:
    case v1::REFUSED:
    case v1::CONTEXT_LENGTH:
    case v1::MODEL_NOT_FOUND:
    case v1::TIMEOUT:
    case v1::STALL:
    case v1::CRASHED:
    case v1::UNSUPPORTED:
    case v1::QUOTA: return true;
    default: return false;
  }
}

}  // namespace

bool FallsBack(const v1::AgentRequest& request, v1::ErrorCategory category) {
  return request.fallback_size() > 0 && MayHelp(category);
}

void TakeFallback(v1::AgentRequest* request) {
  if (request->fallback().empty()) return;
  const std::optional<Target> target = Parse(request->fallback(0));
  request->mutable_fallback()->DeleteSubrange(0, 1);
  if (!target) return;
  request->set_runtime(target->runtime);
  request->set_provider(target->provider);
  request->set_model(target->model);
}

void KeepValidFallbacks(v1::AgentRequest* request) {
  v1::AgentRequest kept;
  for (const std::string& entry : request->fallback()) {
    if (Parse(entry) && kept.fallback_size() < kFallbacksMax) kept.add_fallback(entry);
  }
  *request->mutable_fallback() = kept.fallback();
}

}  // namespace odw::core
