// Finds the file in which a CLI writes a session down as it goes. Thread-safe.
#pragma once

#include <sys/types.h>

#include <string>

namespace odw::executors {

// No more of one is read: a session's tail tells of the turn that is under way.
inline constexpr off_t kTranscriptBytesMax = off_t{256} << 20;

// The file whose path ends in `ending`, exactly `depth` folders below `folder`; empty: none is
// there (yet). Of folders at one place the one whose name sorts last comes first, so that of a year's the
// latest days do. Gives up after some 100,000 entries.
std::string FindTranscript(const std::string& folder, int depth, const std::string& ending);

}  // namespace odw::executors
