#include "daemon/core/failure_value.h"

#include "daemon/base/canonical_json.h"
#include "daemon/model/error_table.h"
#include "daemon/model/value.h"

namespace odw::core {
namespace {

// SPEC D4: these reject, so that a script can tell them from a model that gave up.
bool Rejects(v1::ErrorCategory category) {
  return category == v1::SCHEMA || category == v1::STALL || category == v1::UNSUPPORTED ||
         category == v1::BUDGET || category == v1::LIMIT;
}

}  // namespace

v1::Settled FailureSettlement(v1::Dialect dialect, const v1::Error& error, bool has_schema) {
  const char* name = model::InfoOf(error.category()).name;
  v1::Settled settled;
  settled.set_end(v1::END_FAILED);
  if (dialect == v1::ODW) {
    const std::string category = error.category() == v1::SCHEMA && has_schema ? "schema_mismatch" : name;
    settled.set_outcome(v1::Settled::RESOLVE_JSON);
    *settled.mutable_value() =
        model::MakeValue("{\"ok\":false,\"error\":{\"category\":" + JsonQuote(category) +
                         ",\"message\":" + JsonQuote(error.message().substr(0, 500)) + "}}")
            .ref;
  } else if (Rejects(error.category())) {
    settled.set_outcome(v1::Settled::REJECT);
    settled.set_error_name("Error");
    settled.set_error_message(error.message());
    settled.set_error_code(name);
  } else {
    settled.set_outcome(v1::Settled::RESOLVE_NULL);
  }
  return settled;
}

}  // namespace odw::core
