#include "cel/civil.h"

#include <array>

namespace kro::cel {
namespace {

constexpr std::int64_t kSecondsPerDay = 86400;

bool IsLeap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

std::int64_t FloorDiv(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Reads fixed-width decimal fields from the front of a text.
class Fields {
 public:
  explicit Fields(std::string_view text) : text_(text) {}

  bool Number(int digits, int& out) {
    if (text_.size() < static_cast<std::size_t>(digits)) return false;
    out = 0;
    for (int i = 0; i < digits; ++i) {
      char c = text_[static_cast<std::size_t>(i)];
      if (c < '0' || c > '9') return false;
      out = out * 10 + (c - '0');
    }
    text_.remove_prefix(static_cast<std::size_t>(digits));
    return true;
  }

  bool Take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  // Digits after a point, of which nine count.
  bool Fraction(std::int32_t& nanos) {
    std::size_t digits = 0;
    nanos = 0;
    std::int32_t scale = 100000000;
    while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') {
      nanos += (text_[digits] - '0') * scale;
      scale /= 10;
      ++digits;
    }
    text_.remove_prefix(digits);
    return digits > 0;
  }

  bool AtEnd() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace

std::int64_t DaysFromCivil(std::int64_t year, int month, int day) {
  // Years from March, so that the leap day is the last; eras of 400 years.
  year -= month <= 2;
  std::int64_t era = FloorDiv(year, 400);
  std::int64_t year_of_era = year - era * 400;
  std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

CivilTime ToCivil(std::int64_t seconds) {
  std::int64_t days = FloorDiv(seconds, kSecondsPerDay);
  std::int64_t second_of_day = seconds - days * kSecondsPerDay;
  std::int64_t shifted = days + 719468;
  std::int64_t era = FloorDiv(shifted, 146097);
  std::int64_t day_of_era = shifted - era * 146097;
  std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::int64_t month_from_march = (5 * day_of_year + 2) / 153;

  CivilTime civil;
  civil.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  civil.month = static_cast<int>(month_from_march + (month_from_march < 10 ? 3 : -9));
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
  civil.hour = static_cast<int>(second_of_day / 3600);
  civil.minute = static_cast<int>(second_of_day / 60 % 60);
  civil.second = static_cast<int>(second_of_day % 60);
  civil.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  civil.day_of_year = static_cast<int>(days - DaysFromCivil(civil.year, 1, 1));
  return civil;
}

int DaysInMonth(std::int64_t year, int month) {
  static constexpr std::array<int, 13> kDays = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[static_cast<std::size_t>(month)];
}

std::optional<Timestamp> ParseTimestamp(std::string_view text, Rfc3339 rules) {
  Fields in(text);
  int year, month, day, hour, minute, second;
  if (!in.Number(4, year) || !in.Take('-') || !in.Number(2, month) || !in.Take('-') ||
      !in.Number(2, day) || !in.Take('T') || !in.Number(2, hour) || !in.Take(':') ||
      !in.Number(2, minute) || !in.Take(':') || !in.Number(2, second)) {
    return std::nullopt;
  }
  Timestamp time;
  bool fraction = in.Take('.') || (rules == Rfc3339::kOpenApi && in.Take(','));
  if (fraction && !in.Fraction(time.nanos)) return std::nullopt;

  int offset = 0;
  if (!in.Take('Z')) {
    bool west = in.Take('-');
    if (west || in.Take('+')) {
      int hours, minutes;
      if (!in.Number(2, hours) || !in.Take(':') || !in.Number(2, minutes) || hours > 23 ||
          minutes > 59) {
        return std::nullopt;
      }
      offset = (west ? -1 : 1) * (hours * 60 + minutes);
    } else if (rules == Rfc3339::kStrict) {
      return std::nullopt;
    }
  }
  if (!in.AtEnd() || month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month) ||
      hour > 23 || minute > 59 || second > 59) {
    return std::nullopt;
  }
  time.seconds = DaysFromCivil(year, month, day) * kSecondsPerDay + hour * 3600 + minute * 60 +
                 second - offset * 60;
  time.offset_minutes = static_cast<std::int16_t>(offset);
  return time;
}

}  // namespace kro::cel
