// Ctrl-C while a run is followed: odwctl ends with a word about the run, which goes on without it.
#pragma once

#include <string>

namespace odw::client {

// From now on SIGINT and SIGTERM print `text` on stderr and end the process with exit code 130.
// Main thread only.
void EndOnInterrupt(const std::string& text);

// The text for a run that was submitted: that it goes on, how to follow it, how to stop it.
std::string InterruptedRunText(const std::string& run_id);

}  // namespace odw::client
