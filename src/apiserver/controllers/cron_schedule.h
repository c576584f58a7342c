// CronSchedule: when a CronJob runs, "*/5 9-17 * * MON-FRI".
#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace kro::apiserver {

class CronSchedule {
 public:
  // Five fields (minute, hour, day of month, month, day of week), with lists, ranges, steps and names, or
  // one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, and "@every 90s".
  // `time_zone` is an IANA name; empty: UTC. kInvalid names the field.
  static Result<CronSchedule> Parse(std::string_view text, std::string_view time_zone);

  // The first time after `after`, on a whole second; nullopt if there is none within five years.
  std::optional<WallTime> Next(WallTime after) const;

 private:
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  // A star in one of the two day fields leaves the choice to the other; else either will do.
  bool any_day_ = false;
  bool any_weekday_ = false;
  Duration every_{0};  // not zero: nothing else counts
  std::string time_zone_;
};

}  // namespace kro::apiserver
