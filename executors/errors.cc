#include "executors/errors.h"

namespace odw::executors {

odw::v1::Error ErrorOf(odw::v1::ErrorCategory category, const std::string& message) {
  odw::v1::Error error;
  error.set_category(category);
  error.set_message(message);
  return error;
}

odw::v1::ErrorCategory CategoryOfStatus(long status) {
  switch (status) {
    case 401:
      return odw::v1::AUTH;
    case 402:
      return odw::v1::QUOTA;
    case 403:
      return odw::v1::PERMISSION;
    case 404:
      return odw::v1::MODEL_NOT_FOUND;
    case 408:
      return odw::v1::NETWORK;
    case 413:
      return odw::v1::CONTEXT_LENGTH;
    case 429:
      return odw::v1::RATE_LIMIT;
    default:
      return status >= 500 ? odw::v1::OVERLOADED : odw::v1::INVALID_REQUEST;
  }
}

}  // namespace odw::executors
