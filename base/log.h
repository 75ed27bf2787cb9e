#pragma once

#include <string_view>

#include <fmt/format.h>

#include "base/status.h"

// Structured lines for people and machines. Call StartLogging once in main; before it, and in
// tests, warnings and errors go to standard error as text. Threads: any.
namespace carillon {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;  // one JSON object a line instead of text
};
void StartLogging(const LogOptions& options);
// "debug", "info", "warning", "error". INVALID_ARGUMENT: anything else.
StatusOr<LogLevel> ParseLogLevel(std::string_view text);

// Control characters in `message` are escaped: nobody outside can write a line of their own.
void LogLine(LogLevel level, std::string_view message);

template <typename... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  LogLine(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogWarning(fmt::format_string<Args...> format, Args&&... args) {
  LogLine(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  LogLine(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace carillon
