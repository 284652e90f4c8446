// Making the errors that results carry. Thread-safe.
#pragma once

#include <string>

#include "odw/v1/types.pb.h"

namespace odw::executors {

odw::v1::Error ErrorOf(odw::v1::ErrorCategory category, const std::string& message);

// What an HTTP status alone says of a failed call to a model. Callers know more of some: a 400 may
// be a prompt that is too long, a 403 or 429 an empty account.
odw::v1::ErrorCategory CategoryOfStatus(long status);

}  // namespace odw::executors
