// Contests: fights with others over the children of one instance.
//
// What somebody changed of a child, or deleted, is put right at once. If that goes on and on it becomes
// a fight: it is put right no more often than ten times a minute, and what the fight is about is told
// until the other one has rested for a minute. So a fight costs a bounded number of writes, and its
// condition does not come and go with each of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace kro::controller {

class Contests {
 public:
  // So many are made at once, then one each kPause.
  static constexpr double kRepairsAtOnce = 60;
  static constexpr Duration kPause = std::chrono::seconds(6);
  // Who left it alone for so long fights no more.
  static constexpr Duration kRest = std::chrono::minutes(1);

  // Somebody deleted it: making it again is a repair, until one was granted.
  void NoteLoss(const std::string& object, MonotonicTime now);
  bool WasLost(const std::string& object) const;

  // It has to be put right. Whether that may be done now; if not, it is a fight, which Tell describes.
  // A new `wish` of the user is fulfilled at once.
  enum class Repair { kNow, kLater };
  Repair Ask(const std::string& object, std::uint64_t wish, MonotonicTime now);
  void Tell(const std::string& object, Error about);

  // Something else is wanted of it.
  void Forget(const std::string& object) { contests_.erase(object); }

  // What is told of the fight over an object that is as it should be, or just became so; nullptr: there is
  // none, or the other one has rested.
  const Error* Told(const std::string& object, MonotonicTime now) const;

  // When to look again: a repair may be made, or a fight is over. Nothing: there is none.
  std::optional<MonotonicTime> Next(MonotonicTime now) const;

  // Forgets what has rested for so long that nothing of it counts any more.
  void DropRested(MonotonicTime now);

  bool empty() const { return contests_.empty(); }

 private:
  struct Contest {
    double repairs_left = kRepairsAtOnce;
    MonotonicTime counted{};  // when that was so
    MonotonicTime wanted{};   // when a repair was last
    std::uint64_t wish = 0;
    bool lost = false;
    bool waits = false;  // for a repair
    std::optional<Error> fight;
  };

  std::map<std::string, Contest> contests_;
};

}  // namespace kro::controller
