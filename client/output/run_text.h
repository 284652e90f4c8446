// Runs as text for people: one line, a page, a table. Strings of strangers are made safe for a
// terminal. Thread-safe.
#pragma once

#include <string>

#include "odw/v1/control.pb.h"

namespace odw::client {

// "wf_... completed · degraded · 12 nodes, 1 failed (rate_limit 1) · 3.2k tokens · 4.1s"
std::string RunEndLine(const v1::Run& run);

// The page of `odwctl status`.
std::string RunText(const v1::Run& run);

// The table of `odwctl list`.
std::string RunTable(const v1::ListRunsResponse& runs);

}  // namespace odw::client
