// RetryPace: spreads what many instances of an API try again.
//
// A crowd that was refused together must not come back together, nor leave a silence in which nobody
// would notice that the cause is mended. Each try gets a place of its own: of the time between its
// back-off and twice that, the second with the fewest others; if all are full, the first behind them
// with room. So no place stays empty while somebody is due, and when all wait for minutes their tries
// lie evenly.
//
// Example: with 5 a second, 300 that are refused again and again are tried 5 a second at first, and
// one a second once each waits 5 minutes. 3000 are tried 5 a second, each every 10 minutes.
//
// When one of them succeeds, its cause may be mended for the others too: each success lets two of
// those that wait for the same go ahead, so that a thousand follow within a few round trips, and no
// more than that is asked if the success was a single one.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/gvk.h"
#include "base/clock.h"
#include "controller/setback_cause.h"
#include "kube/object_key.h"

namespace kro::controller {

class RetryPace {
 public:
  // Who was refused alike.
  struct Line {
    SetbackCause cause = SetbackCause::kServerError;
    api::Gvr kind;  // of the object that was refused

    friend auto operator<=>(const Line&, const Line&) = default;
  };
  struct Waiter {
    kube::ObjectKey instance;
    std::string object;

    friend bool operator==(const Waiter&, const Waiter&) = default;
  };

  // A try's place, given back with this. The pace outlives it.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept;
    ~Place() { GiveBack(); }

    MonotonicTime time() const { return time_; }

   private:
    friend class RetryPace;
    void GiveBack();

    RetryPace* pace_ = nullptr;
    std::uint64_t id_ = 0;
    MonotonicTime time_{};
  };

  explicit RetryPace(int per_second) : per_second_(per_second) {}

  // A place not before `back_off` has passed.
  Place Reserve(const Line& line, Waiter waiter, Duration back_off, MonotonicTime now);

  // One of the line succeeded: who may go ahead, those first whose places come first.
  std::vector<Waiter> Open(const Line& line);

 private:
  struct Entry {
    Line line;
    Waiter waiter;
    MonotonicTime time{};
  };

  std::int64_t FindSecond(MonotonicTime wanted, Duration back_off) const;
  int TakenIn(std::int64_t second) const;
  void GiveBack(std::uint64_t id);

  const int per_second_;
  std::uint64_t last_id_ = 0;
  std::int64_t now_ = 0;               // in seconds
  std::map<std::int64_t, int> taken_;  // by second, from now on
  std::map<std::uint64_t, Entry> entries_;
  std::map<Line, std::set<std::pair<MonotonicTime, std::uint64_t>>> lines_;
};

}  // namespace kro::controller
