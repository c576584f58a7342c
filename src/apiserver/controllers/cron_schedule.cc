#include "apiserver/controllers/cron_schedule.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <vector>

namespace kro::apiserver {
namespace {

constexpr auto kHorizon = std::chrono::hours(24 * 366 * 5);

struct Field {
  std::string_view name;
  int least;
  int most;
  std::vector<std::string_view> words;  // for `least` and what follows
};

const Field& FieldAt(std::size_t index);
// Calls `set` for each number that `text` names; true if it begins with a star.
template <typename Set>
Result<bool> ReadField(std::string_view text, const Field& field, Set set);
std::optional<int> ReadNumber(std::string_view text, const Field& field);
std::vector<std::string_view> Split(std::string_view text, char separator);
bool SameWord(std::string_view a, std::string_view b);
std::string_view Expanded(std::string_view text);

}  // namespace

Result<CronSchedule> CronSchedule::Parse(std::string_view text, std::string_view time_zone) {
  CronSchedule schedule;
  schedule.time_zone_ = time_zone;
  if (absl::TimeZone zone; !time_zone.empty() && !absl::LoadTimeZone(schedule.time_zone_, &zone)) {
    return Fail(ErrorCode::kInvalid, "unknown time zone {}", time_zone);
  }
  if (text.starts_with("@every ")) {
    absl::Duration every;
    if (!absl::ParseDuration(std::string(text.substr(7)), &every) || every < absl::Seconds(1)) {
      return Fail(ErrorCode::kInvalid, "'{}' is no duration of a second or more", text.substr(7));
    }
    schedule.every_ = absl::ToChronoNanoseconds(every);
    return schedule;
  }
  std::vector<std::string_view> fields;
  for (std::string_view field : Split(Expanded(text), ' ')) {
    if (!field.empty()) fields.push_back(field);
  }
  if (fields.size() != 5) {
    return Fail(ErrorCode::kInvalid, "expected 5 fields, found {}: '{}'", fields.size(), text);
  }
  const auto read = [&](std::size_t index, auto& bits) {
    return ReadField(fields[index], FieldAt(index),
                     [&](int number) { bits.set(static_cast<std::size_t>(number) % bits.size()); });
  };
  auto minutes = read(0, schedule.minutes_);
  if (!minutes) return std::unexpected(minutes.error());
  auto hours = read(1, schedule.hours_);
  if (!hours) return std::unexpected(hours.error());
  auto days = read(2, schedule.days_);
  if (!days) return std::unexpected(days.error());
  auto months = read(3, schedule.months_);
  if (!months) return std::unexpected(months.error());
  auto weekdays = read(4, schedule.weekdays_);  // 7 is Sunday, as 0
  if (!weekdays) return std::unexpected(weekdays.error());
  schedule.any_day_ = *days;
  schedule.any_weekday_ = *weekdays;
  return schedule;
}

std::optional<WallTime> CronSchedule::Next(WallTime after) const {
  const auto second = std::chrono::floor<std::chrono::seconds>(after);
  if (every_ > Duration::zero()) {
    return WallTime(second.time_since_epoch()) + std::chrono::floor<std::chrono::seconds>(every_);
  }
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!time_zone_.empty()) absl::LoadTimeZone(time_zone_, &zone);
  absl::CivilMinute at(absl::ToCivilMinute(absl::FromChrono(after), zone));
  const absl::CivilMinute end =
      absl::ToCivilMinute(absl::FromChrono(after + Duration(kHorizon)), zone);
  const auto has = [](const auto& bits, int number) {
    return bits.test(static_cast<std::size_t>(number));
  };
  // Skips what cannot match by the largest unit that does not.
  for (++at; at < end;) {
    const int weekday = (static_cast<int>(absl::GetWeekday(absl::CivilDay(at))) + 1) % 7;
    const bool by_day = has(days_, at.day());
    const bool by_weekday = has(weekdays_, weekday);
    const bool day_fits = any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
    if (!has(months_, at.month())) {
      at = absl::CivilMinute(absl::CivilMonth(at) + 1);
    } else if (!day_fits) {
      at = absl::CivilMinute(absl::CivilDay(at) + 1);
    } else if (!has(hours_, at.hour())) {
      at = absl::CivilMinute(absl::CivilHour(at) + 1);
    } else if (!has(minutes_, at.minute())) {
      ++at;
    } else {
      const WallTime found(absl::ToChronoTime(absl::FromCivil(at, zone)).time_since_epoch());
      if (found > after) return found;
      ++at;  // an hour that the clocks were put back over
    }
  }
  return std::nullopt;
}

namespace {

const Field& FieldAt(std::size_t index) {
  static const std::array<Field, 5> fields{{
      {"minute", 0, 59, {}},
      {"hour", 0, 23, {}},
      {"day of month", 1, 31, {}},
      {"month",
       1,
       12,
       {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
      {"day of week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
  }};
  return fields[index];
}

template <typename Set>
Result<bool> ReadField(std::string_view text, const Field& field, Set set) {
  const auto refuse = [&] {
    return Fail(ErrorCode::kInvalid, "{}: '{}' is no set of numbers from {} to {}", field.name,
                text, field.least, field.most);
  };
  bool star = false;
  for (std::string_view part : Split(text, ',')) {
    int step = 1;
    const std::size_t slash = part.find('/');
    if (slash != std::string_view::npos) {
      const std::string_view digits = part.substr(slash + 1);
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
      if (error != std::errc() || end != digits.data() + digits.size() || step < 1) return refuse();
      part = part.substr(0, slash);
    }
    int first = field.least;
    int last = field.most;
    if (part == "*" || part == "?") {
      star = true;
    } else {
      const std::size_t dash = part.find('-');
      const auto low = ReadNumber(part.substr(0, dash), field);
      if (!low) return refuse();
      first = *low;
      if (dash != std::string_view::npos) {
        const auto high = ReadNumber(part.substr(dash + 1), field);
        if (!high || *high < first) return refuse();
        last = *high;
      } else if (slash == std::string_view::npos) {
        last = first;
      }
    }
    for (int number = first; number <= last; number += step) set(number);
  }
  return star;
}

std::optional<int> ReadNumber(std::string_view text, const Field& field) {
  for (std::size_t i = 0; i < field.words.size(); ++i) {
    if (SameWord(text, field.words[i])) return field.least + static_cast<int>(i);
  }
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < field.least || number > field.most) return std::nullopt;
  return number;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool SameWord(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::toupper(static_cast<unsigned char>(x)) ==
           std::toupper(static_cast<unsigned char>(y));
  });
}

std::string_view Expanded(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
      {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
      {"@hourly", "0 * * * *"}};
  for (const auto& [name, fields] : kNames) {
    if (text == name) return fields;
  }
  return text;
}

}  // namespace
}  // namespace kro::apiserver
