#include "apiserver/internal/timestamp.h"

#include <fmt/format.h>

#include <chrono>

namespace kro::apiserver {
namespace {

// Reads exactly `digits` digits.
std::optional<int> TakeNumber(std::string_view& text, int digits);
bool Take(std::string_view& text, char c);

}  // namespace

std::string FormatTime(WallTime time) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  auto day = std::chrono::floor<std::chrono::days>(seconds);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(seconds - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::string FormatMicroTime(WallTime time) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count();
  std::string text = FormatTime(time);
  text.pop_back();
  return fmt::format("{}.{:06}Z", text, micros);
}

std::optional<WallTime> ParseTime(std::string_view text) {
  auto year = TakeNumber(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  auto month = TakeNumber(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  auto day = TakeNumber(text, 2);
  if (!day || !(Take(text, 'T') || Take(text, 't'))) return std::nullopt;
  auto hour = TakeNumber(text, 2);
  if (!hour || !Take(text, ':')) return std::nullopt;
  auto minute = TakeNumber(text, 2);
  if (!minute || !Take(text, ':')) return std::nullopt;
  auto second = TakeNumber(text, 2);
  if (!second) return std::nullopt;
  std::int64_t nanos = 0;
  if (Take(text, '.')) {
    std::int64_t unit = 100'000'000;
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      nanos += (text[0] - '0') * unit;
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  std::chrono::minutes offset{0};
  if (!Take(text, 'Z') && !Take(text, 'z')) {
    bool west = !text.empty() && text[0] == '-';
    if (!Take(text, '+') && !Take(text, '-')) return std::nullopt;
    auto hours = TakeNumber(text, 2);
    if (!hours || !Take(text, ':')) return std::nullopt;
    auto minutes = TakeNumber(text, 2);
    if (!minutes) return std::nullopt;
    offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    if (west) offset = -offset;
  }
  std::chrono::year_month_day date{std::chrono::year(*year),
                                   std::chrono::month(static_cast<unsigned>(*month)),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  if (!text.empty() || !date.ok() || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second) +
         std::chrono::nanoseconds(nanos) - offset;
}

namespace {

std::optional<int> TakeNumber(std::string_view& text, int digits) {
  int number = 0;
  for (int i = 0; i < digits; ++i) {
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    number = number * 10 + (text[0] - '0');
    text.remove_prefix(1);
  }
  return number;
}

bool Take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace
}  // namespace kro::apiserver
