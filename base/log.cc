#include "base/log.h"

#include <memory>
#include <string>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace carillon {
namespace {

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";
constexpr char kJsonPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%v"})";

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::shared_ptr<spdlog::logger>& Logger() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("carillon",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(kTextPattern, spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return logger;
}

std::string Escape(std::string_view message) {
  std::string escaped;
  escaped.reserve(message.size());
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      escaped += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else if (c == '"' || c == '\\') {
      escaped += {'\\', c};
    } else {
      escaped += c;
    }
  }
  return escaped;
}

bool json_lines = false;

}  // namespace

void StartLogging(const LogOptions& options) {
  json_lines = options.json;
  Logger()->set_pattern(options.json ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc);
  Logger()->set_level(ToSpdlog(options.level));
  Logger()->flush_on(spdlog::level::info);
}

StatusOr<LogLevel> ParseLogLevel(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  return InvalidArgument("log level '{}': want debug, info, warning, or error", text);
}

void LogLine(LogLevel level, std::string_view message) {
  const auto spdlog_level = ToSpdlog(level);
  if (!Logger()->should_log(spdlog_level)) return;
  bool plain = !json_lines;
  for (const char c : message) plain = plain && static_cast<unsigned char>(c) >= 0x20;
  if (plain) {
    Logger()->log(spdlog_level, spdlog::string_view_t(message.data(), message.size()));
  } else {
    Logger()->log(spdlog_level, Escape(message));
  }
}

}  // namespace carillon
