// A line with a time zone, then the schedule of a CronJob. Times of a schedule are whole seconds, each later than the
// one before.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apiserver/controllers/cron_schedule.h"

using namespace kro;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view zone = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(size, zone.size() + 1));
  const auto schedule = apiserver::CronSchedule::Parse(text, zone);
  if (!schedule) {
    if (schedule.error().message().empty()) std::abort();
    return 0;
  }
  WallTime time(std::chrono::seconds(1'767'225'600));
  for (int i = 0; i < 3; ++i) {
    const auto next = schedule->Next(time);
    if (!next) return 0;
    if (*next <= time || next->time_since_epoch() % std::chrono::seconds(1) != Duration::zero()) {
      std::abort();
    }
    time = *next;
  }
  return 0;
}
