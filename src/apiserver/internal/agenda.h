// Agenda: what is to be done at which time. Time passes when the caller says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace kro::apiserver {

class Agenda {
 public:
  using Entry = std::pair<MonotonicTime, std::uint64_t>;

  // Work of an earlier time comes first, then work that was entered earlier.
  Entry At(MonotonicTime when, std::function<void()> work);
  void Cancel(Entry entry) { work_.erase(entry); }

  // Does everything that is due at `now`, also what becomes due by doing it, but at most `limit`
  // pieces of it. False if some was left.
  bool RunDue(MonotonicTime now, int limit = 100'000);

  std::optional<MonotonicTime> Next() const;

 private:
  std::map<Entry, std::function<void()>> work_;
  std::uint64_t entered_ = 0;
};

}  // namespace kro::apiserver
