#include "daemon/core/fallback.h"

#include <cstring>
#include <optional>
#include <string>

#include "daemon/model/fallback_entry.h"

namespace odw::core {
namespace {

constexpr int kFallbacksMax = 16;

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

std::optional<std::string> FallbackFor(const std::string& runtime, const std::string& entry) {
  const size_t mark = entry.find(kFallbackOf);
  if (mark == std::string::npos) return entry;
  if (entry.substr(0, mark) != runtime) return std::nullopt;
  return entry.substr(mark + std::strlen(kFallbackOf));
}

void TakeFallback(v1::AgentRequest* request) {
  if (request->fallback().empty()) return;
  const std::optional<model::FallbackEntry> target = model::ParseFallback(request->fallback(0));
  request->mutable_fallback()->DeleteSubrange(0, 1);
  if (!target) return;
  request->set_runtime(target->runtime);
  request->set_provider(target->provider);
  request->set_model(target->model);
}

std::string NameOfModel(const v1::AgentRequest& request) {
  return request.runtime() + (request.provider().empty() ? "" : ":" + request.provider()) +
         (request.model().empty() ? "" : "/" + request.model());
}

void KeepValidFallbacks(v1::AgentRequest* request) {
  v1::AgentRequest kept;
  for (const std::string& entry : request->fallback()) {
    if (model::ParseFallback(entry) && kept.fallback_size() < kFallbacksMax) kept.add_fallback(entry);
  }
  *request->mutable_fallback() = kept.fallback();
}

}  // namespace odw::core
