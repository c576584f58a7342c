// Structured logging: a constant message and fields, one JSON object a line.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace kro {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// A named value of a log line.
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, std::int64_t v) : name(n), value(v) {}
  LogField(std::string_view n, int v) : name(n), value(std::int64_t{v}) {}
  LogField(std::string_view n, std::size_t v) : name(n), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
};

// "debug", "info", "warning", "error".
std::string_view ToString(LogLevel level);

// Receives finished lines. Thread-safe.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Write(LogLevel level, std::string_view line) = 0;
};

// Writes to stderr through spdlog.
LogSink& StderrSink();

// Formats lines as `{"ts":…,"level":"info","msg":"synced","gvr":"apps/v1/deployments"}` and drops
// those below `level`. Fields keep their order; bytes that are no UTF-8 become U+FFFD. The sink
// outlives the logger. Copies, and what With makes, share the sink and the level.
class Logger {
 public:
  explicit Logger(LogSink& sink, LogLevel level = LogLevel::kInfo)
      : sink_(&sink), level_(std::make_shared<std::atomic<LogLevel>>(level)) {}

  // Of all that share it, from any thread, at any time.
  void SetLevel(LogLevel level) const { level_->store(level, std::memory_order_relaxed); }
  LogLevel level() const { return level_->load(std::memory_order_relaxed); }

  // A logger that adds these fields to each of its lines.
  Logger With(std::initializer_list<LogField> fields) const;

  void Debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Log(LogLevel::kDebug, message, fields);
  }
  void Info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Log(LogLevel::kInfo, message, fields);
  }
  void Warning(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Log(LogLevel::kWarning, message, fields);
  }
  void Error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Log(LogLevel::kError, message, fields);
  }

 private:
  void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) const;

  LogSink* sink_;
  std::shared_ptr<std::atomic<LogLevel>> level_;
  std::string context_;  // fields already formatted, each with its leading comma
};

}  // namespace kro
