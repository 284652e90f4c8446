// What holds the daemon back at present: providers that are asked less, or not at all, and the day's
// ceilings. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "client/doctor/check.h"
#include "odw/v1/control.pb.h"

namespace odw::client {

// A check for each provider that something limits, and one of today's usage where a ceiling is set.
// All of them pass by themselves, so none is kBad.
std::vector<Check> LimitChecks(const v1::Info& info, int64_t now_unix_ms);

}  // namespace odw::client
