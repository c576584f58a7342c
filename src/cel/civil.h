// Calendar arithmetic of timestamps: proleptic Gregorian, UTC, RFC 3339 text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cel/value.h"

namespace kro::cel {

struct CivilTime {
  std::int64_t year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;    // 1 to 31
  int hour = 0;
  int minute = 0;
  int second = 0;
  int weekday = 4;      // 0 is Sunday
  int day_of_year = 0;  // 0 to 365
};

// Days since 1970-01-01.
std::int64_t DaysFromCivil(std::int64_t year, int month, int day);
// `seconds` since 1970, shifted by the zone's offset already.
CivilTime ToCivil(std::int64_t seconds);
int DaysInMonth(std::int64_t year, int month);

// How much a reader of timestamps forgives.
enum class Rfc3339 {
  kStrict,   // YYYY-MM-DDThh:mm:ss[.digits](Z|±hh:mm)
  kOpenApi,  // also a comma before the fraction, and no zone, which is UTC
};

// Nothing if the text is malformed or no real instant (February 30, second 60). Any year 0 to 9999.
std::optional<Timestamp> ParseTimestamp(std::string_view text, Rfc3339 rules);

}  // namespace kro::cel
