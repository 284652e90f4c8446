#include "daemon/core/failure_value.h"

#include <algorithm>
#include <string>

#include "daemon/base/canonical_json.h"
#include "daemon/model/error_table.h"

namespace odw::core {
namespace {

constexpr uint32_t kStallMsByDefault = 180'000;  // SPEC D15
constexpr size_t kMessageBytesMax = 500;

// SPEC D4: these reject, so that a script can tell them from a model that gave up.
bool Rejects(v1::ErrorCategory category) {
  return category == v1::SCHEMA || category == v1::STALL || category == v1::UNSUPPORTED ||
         category == v1::BUDGET || category == v1::LIMIT;
}

// The built-in tool's own words, which scripts quote, then the executor's.
std::string RejectionText(const v1::Error& error, const v1::AgentRequest& request, uint32_t tries) {
  if (error.category() == v1::SCHEMA && !request.schema_json().empty()) {
    const std::string cap = std::to_string(std::max(request.schema_tries_max(), 1u));
    return "StructuredOutput retry cap (" + cap + ") exceeded — " + cap +
           " failed calls with no valid output: " + error.message();
  }
  if (error.category() == v1::STALL) {
    return "agent stalled on all " + std::to_string(tries) + " attempts (no progress for " +
           std::to_string(StallMs(request)) + "ms each)";
  }
  return error.message();
}

}  // namespace

uint32_t StallMs(const v1::AgentRequest& request) {
  return request.stall_ms() > 0 ? request.stall_ms() : kStallMsByDefault;
}

Failure FailureOf(v1::Dialect dialect, const v1::Error& error, const v1::AgentRequest& request,
                  uint32_t tries) {
  const char* name = model::InfoOf(error.category()).name;
  Failure failure;
  v1::Settled& settled = failure.settled;
  settled.set_end(v1::END_FAILED);
  if (dialect == v1::ODW) {
    const bool mismatch = error.category() == v1::SCHEMA && !request.schema_json().empty();
    settled.set_outcome(v1::Settled::RESOLVE_JSON);
    failure.value =
        model::MakeValue("{\"ok\":false,\"error\":{\"category\":" +
                         JsonQuote(mismatch ? "schema_mismatch" : name) + ",\"message\":" +
                         JsonQuote(error.message().substr(0, kMessageBytesMax)) + "},\"feedback\":" +
                         JsonQuote(model::InfoOf(error.category()).next_step) + "}");
  } else if (Rejects(error.category())) {
    settled.set_outcome(v1::Settled::REJECT);
    settled.set_error_name("Error");
    settled.set_error_message(RejectionText(error, request, tries));
    settled.set_error_code(name);
  } else {
    settled.set_outcome(v1::Settled::RESOLVE_NULL);
  }
  return failure;
}

}  // namespace odw::core
