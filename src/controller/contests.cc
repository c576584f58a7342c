#include "controller/contests.h"

#include <algorithm>
#include <utility>

namespace kro::controller {

void Contests::NoteLoss(const std::string& object, MonotonicTime now) {
  Contest& contest = contests_[object];
  contest.lost = true;
  contest.wanted = now;
}

bool Contests::WasLost(const std::string& object) const {
  const auto found = contests_.find(object);
  return found != contests_.end() && found->second.lost;
}

Contests::Repair Contests::Ask(const std::string& object, std::uint64_t wish, MonotonicTime now) {
  Contest& contest = contests_[object];
  if (now - contest.wanted >= kRest) contest.fight.reset();
  const double rested = std::chrono::duration<double>(now - contest.counted).count();
  const double pause = std::chrono::duration<double>(kPause).count();
  contest.repairs_left = std::min(kRepairsAtOnce, contest.repairs_left + rested / pause);
  if (contest.fight && contest.wish != wish) {
    contest.repairs_left = std::max(contest.repairs_left, 1.0);
  }
  contest.wish = wish;
  contest.counted = now;
  contest.wanted = now;
  contest.waits = contest.repairs_left < 1;
  if (contest.waits) return Repair::kLater;
  contest.repairs_left -= 1;
  contest.lost = false;
  return Repair::kNow;
}

void Contests::Tell(const std::string& object, Error about) {
  contests_[object].fight = std::move(about);
}

const Error* Contests::Told(const std::string& object, MonotonicTime now) const {
  const auto found = contests_.find(object);
  if (found == contests_.end()) return nullptr;
  const Contest& contest = found->second;
  return contest.fight && now - contest.wanted < kRest ? &*contest.fight : nullptr;
}

std::optional<MonotonicTime> Contests::Next(MonotonicTime now) const {
  std::optional<MonotonicTime> next;
  for (const auto& [object, contest] : contests_) {
    if (!contest.fight) continue;
    const auto missing = std::max(1 - contest.repairs_left, 0.0);
    const MonotonicTime at =
        contest.waits ? contest.counted + Duration(static_cast<Duration::rep>(
                                              missing * static_cast<double>(kPause.count())))
                      : contest.wanted + kRest;
    next = std::min(next.value_or(at), at);
  }
  if (next) next = std::max(*next, now);
  return next;
}

void Contests::DropRested(MonotonicTime now) {
  constexpr Duration kForgotten = static_cast<int>(kRepairsAtOnce) * kPause;
  for (auto contest = contests_.begin(); contest != contests_.end();) {
    if (now - contest->second.wanted >= kForgotten) {
      contest = contests_.erase(contest);
      continue;
    }
    if (now - contest->second.wanted >= kRest) contest->second.fight.reset();
    ++contest;
  }
}

}  // namespace kro::controller
