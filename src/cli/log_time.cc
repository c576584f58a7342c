#include "cli/log_time.h"

#include <ctime>

#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace kro::cli {
namespace {

constexpr std::pair<std::string_view, LogTime> kNames[] = {
    {"epoch", LogTime::kEpoch},     {"millis", LogTime::kMillis},
    {"nano", LogTime::kNano},       {"iso8601", LogTime::kIso8601},
    {"rfc3339", LogTime::kRfc3339}, {"rfc3339nano", LogTime::kRfc3339Nano},
};

constexpr std::string_view kBefore = R"({"ts":")";

std::string Encode(std::int64_t seconds, int millis, std::string_view text, LogTime form);

}  // namespace

std::string_view ToString(LogTime form) {
  for (const auto& [name, known] : kNames) {
    if (form == known) return name;
  }
  return "unknown";
}

std::optional<LogTime> ParseLogTime(std::string_view name) {
  for (const auto& [known, form] : kNames) {
    if (name == known) return form;
  }
  return std::nullopt;
}

std::string WithLogTime(std::string_view line, LogTime form) {
  if (!line.starts_with(kBefore)) return std::string(line);
  const std::string_view rest = line.substr(kBefore.size());
  const std::size_t end = rest.find('"');
  if (end == std::string_view::npos) return std::string(line);
  const std::string text(rest.substr(0, end));
  std::tm parts{};
  int millis = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%3dZ", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &millis) != 7) {
    return std::string(line);
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return fmt::format(R"({{"ts":{}{})", Encode(timegm(&parts), millis, text, form),
                     rest.substr(end + 1));
}

namespace {

std::string Encode(std::int64_t seconds, int millis, std::string_view text, LogTime form) {
  const std::string_view whole = text.substr(0, text.find('.'));
  switch (form) {
    case LogTime::kEpoch:
      return fmt::format("{}.{:03}", seconds, millis);
    case LogTime::kMillis:
      return fmt::format("{}", seconds * 1000 + millis);
    case LogTime::kNano:
      return fmt::format("{}", (seconds * 1000 + millis) * 1'000'000);
    case LogTime::kIso8601:
      return fmt::format("\"{}\"", text);
    case LogTime::kRfc3339:
      return fmt::format("\"{}Z\"", whole);
    case LogTime::kRfc3339Nano:
      break;
  }
  std::string fraction = fmt::format(".{:03}", millis);
  while (fraction.ends_with('0')) fraction.pop_back();
  if (fraction == ".") fraction.clear();
  return fmt::format("\"{}{}Z\"", whole, fraction);
}

}  // namespace
}  // namespace kro::cli
