#include "cli/console_sink.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "json/value.h"

namespace kro::cli {
namespace {

bool NeedsQuotes(std::string_view text);

}  // namespace

void ConsoleSink::Write(LogLevel level, std::string_view line) {
  out_.Write(level, ConsoleLine(line));
}

std::string ConsoleLine(std::string_view json_line) {
  auto parsed = json::Parse(json_line);
  if (!parsed || !parsed->is_object()) return std::string(json_line);
  std::string level(json::FindString(*parsed, {"level"}));
  std::ranges::transform(level, level.begin(), [](unsigned char c) { return std::toupper(c); });
  const json::Value* time = json::Find(*parsed, "ts");
  const std::string shown_time = time == nullptr     ? std::string()
                                 : time->is_string() ? std::string(time->get_string())
                                                     : json::Serialize(*time);
  std::string text =
      fmt::format("{} {:<7} {}", shown_time, level, json::FindString(*parsed, {"msg"}));
  std::string blocks;
  for (const auto& [name, value] : parsed->get_object()) {
    if (name == "ts" || name == "level" || name == "msg") continue;
    const std::string shown =
        value.is_string() ? std::string(value.get_string()) : json::Serialize(value);
    // What has several lines, a diagnostic with its caret, stands below as it is.
    if (shown.find('\n') != std::string::npos) {
      blocks += "\n" + shown;
    } else if (NeedsQuotes(shown)) {
      text += fmt::format(" {}={}", std::string_view(name), json::Serialize(json::Value(shown)));
    } else {
      text += fmt::format(" {}={}", std::string_view(name), shown);
    }
  }
  return text + blocks;
}

namespace {

bool NeedsQuotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"=") != std::string_view::npos;
}

}  // namespace
}  // namespace kro::cli
