// LogTimeSink: log lines with their time in another form, as --zap-time-encoding asks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"

namespace kro::cli {

enum class LogTime {
  kEpoch,        // 1700000000.123
  kMillis,       // 1700000000123
  kNano,         // 1700000000123000000
  kIso8601,      // "2023-11-14T22:13:20.123Z", as the logger writes it
  kRfc3339,      // "2023-11-14T22:13:20Z"
  kRfc3339Nano,  // "2023-11-14T22:13:20.123Z", without zeros at the end
};

// By zap's names.
std::string_view ToString(LogTime form);
std::optional<LogTime> ParseLogTime(std::string_view name);

// A line of the logger with its "ts" in this form; the line itself if it has none.
std::string WithLogTime(std::string_view line, LogTime form);

class LogTimeSink final : public LogSink {
 public:
  // `out` outlives this.
  LogTimeSink(LogSink& out, LogTime form) : out_(out), form_(form) {}
  void Write(LogLevel level, std::string_view line) override {
    out_.Write(level, WithLogTime(line, form_));
  }

 private:
  LogSink& out_;
  const LogTime form_;
};

}  // namespace kro::cli
