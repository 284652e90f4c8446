// The process's own log, on stderr, one line an entry: time, level, message. Never for secrets or for
// what users' scripts print. Thread-safe.
#pragma once

#include <string>

namespace odw {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Once, at the start of main. `name` stands in each line.
void InitLog(const std::string& name, LogLevel least);
void Log(LogLevel level, const std::string& message);
inline void LogInfo(const std::string& message) { Log(LogLevel::kInfo, message); }
inline void LogWarning(const std::string& message) { Log(LogLevel::kWarning, message); }
inline void LogError(const std::string& message) { Log(LogLevel::kError, message); }
inline void LogDebug(const std::string& message) { Log(LogLevel::kDebug, message); }

}  // namespace odw
