#include "apiserver/controllers/cron_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/internal/timestamp.h"

namespace kro::apiserver {
namespace {

using testing::HasSubstr;

std::string NextAfter(std::string_view schedule, std::string_view time,
                      std::string_view zone = "") {
  auto parsed = CronSchedule::Parse(schedule, zone);
  if (!parsed) return parsed.error().message();
  auto next = parsed->Next(*ParseTime(time));
  return next ? FormatTime(*next) : "never";
}

TEST(CronSchedule, FindsTheNextTime) {
  struct Case {
    std::string_view schedule, after, next;
  };
  const Case kCases[] = {
      {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
      {"* * * * *", "2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"},
      {"*/15 * * * *", "2026-01-01T00:16:00Z", "2026-01-01T00:30:00Z"},
      {"5/20 * * * *", "2026-01-01T00:26:00Z", "2026-01-01T00:45:00Z"},
      {"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 9-17/4 * * MON-FRI", "2026-01-02T17:30:00Z", "2026-01-05T09:00:00Z"},
      {"0 0 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
      {"0 0 1,15 * *", "2026-01-01T00:00:00Z", "2026-01-15T00:00:00Z"},
      // Both day fields are given: either will do.
      {"0 0 13 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
      {"0 0 1 jan *", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"},
      {"@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
      {"@every 90s", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"},
      {"0 0 31 2 *", "2026-01-01T00:00:00Z", "never"},
  };
  for (const Case& c : kCases) EXPECT_EQ(NextAfter(c.schedule, c.after), c.next) << c.schedule;
}

TEST(CronSchedule, ReckonsInItsTimeZone) {
  EXPECT_EQ(NextAfter("0 9 * * *", "2026-07-01T00:00:00Z", "Europe/Berlin"),
            "2026-07-01T07:00:00Z");
  EXPECT_THAT(NextAfter("0 9 * * *", "2026-07-01T00:00:00Z", "Mars/Base"),
              HasSubstr("unknown time zone"));
}

TEST(CronSchedule, NamesTheFieldThatIsWrong) {
  EXPECT_THAT(NextAfter("* * *", "2026-01-01T00:00:00Z"), HasSubstr("expected 5 fields, found 3"));
  EXPECT_THAT(NextAfter("60 * * * *", "2026-01-01T00:00:00Z"), HasSubstr("minute: '60'"));
  EXPECT_THAT(NextAfter("* * * FOO *", "2026-01-01T00:00:00Z"), HasSubstr("month: 'FOO'"));
  EXPECT_THAT(NextAfter("*/0 * * * *", "2026-01-01T00:00:00Z"), HasSubstr("minute: '*/0'"));
  EXPECT_THAT(NextAfter("@every 1ms", "2026-01-01T00:00:00Z"),
              HasSubstr("is no duration of a second"));
}

}  // namespace
}  // namespace kro::apiserver
