#include "base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>

namespace kro {
namespace {

void AppendField(std::string& line, const LogField& field);
void AppendString(std::string& line, std::string_view text);
std::size_t SequenceLength(std::string_view text);

class SpdlogSink final : public LogSink {
 public:
  SpdlogSink() : logger_("kro", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog::level::trace);
  }
  void Write(LogLevel, std::string_view line) override { logger_.info(line); }

 private:
  spdlog::logger logger_;
};

}  // namespace

std::string_view ToString(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

LogSink& StderrSink() {
  static SpdlogSink sink;
  return sink;
}

Logger Logger::With(std::initializer_list<LogField> fields) const {
  Logger child = *this;
  for (const LogField& field : fields) AppendField(child.context_, field);
  return child;
}

void Logger::Log(LogLevel level, std::string_view message,
                 std::initializer_list<LogField> fields) const {
  if (level < this->level()) return;
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  std::string line = fmt::format(R"({{"ts":"{:%FT%T}Z","level":"{}","msg":)", now, ToString(level));
  AppendString(line, message);
  line += context_;
  for (const LogField& field : fields) AppendField(line, field);
  line += '}';
  sink_->Write(level, line);
}

namespace {

void AppendField(std::string& line, const LogField& field) {
  line += ',';
  AppendString(line, field.name);
  line += ':';
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    AppendString(line, *text);
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    line += fmt::format("{}", *number);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    // JSON has no word for these.
    line += std::isfinite(*real) ? fmt::format("{}", *real) : "null";
  } else {
    line += std::get<bool>(field.value) ? "true" : "false";
  }
}

void AppendString(std::string& line, std::string_view text) {
  line += '"';
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    if (byte == '"' || byte == '\\') {
      line += '\\';
      line += text.front();
      text.remove_prefix(1);
    } else if (byte < 0x20) {
      line += fmt::format("\\u{:04x}", byte);
      text.remove_prefix(1);
    } else if (const std::size_t length = SequenceLength(text); length > 0) {
      line += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      line += "\xef\xbf\xbd";
      text.remove_prefix(1);
    }
  }
  line += '"';
}

// The length of the UTF-8 sequence at the start of `text` (Unicode 15, table 3-7); 0 if it is none.
std::size_t SequenceLength(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (lead == 0xe0 && at(1) < 0xa0) return 0;
    if (lead == 0xed && at(1) > 0x9f) return 0;
    return continues(1) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (lead == 0xf0 && at(1) < 0x90) return 0;
    if (lead == 0xf4 && at(1) > 0x8f) return 0;
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace
}  // namespace kro
