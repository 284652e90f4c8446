// The product's version: what `odwctl version` prints and the run header pins.
#pragma once

namespace odw {

inline constexpr char kVersion[] = "0.1.0";
// Raised when an executor of another version could not be served.
inline constexpr unsigned kExecutorProtocolVersion = 1;

}  // namespace odw
