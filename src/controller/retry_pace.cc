#include "controller/retry_pace.h"

#include <algorithm>
#include <chrono>

namespace kro::controller {
namespace {

using std::chrono::seconds;

// A crowd spreads over no more than this.
constexpr Duration kLongestSpread = std::chrono::minutes(5);

// How many a success lets go ahead.
constexpr std::size_t kOpened = 2;

std::int64_t SecondOf(MonotonicTime time) {
  return std::chrono::floor<seconds>(time.time_since_epoch()).count();
}

}  // namespace

RetryPace::Place& RetryPace::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  GiveBack();
  pace_ = std::exchange(other.pace_, nullptr);
  id_ = other.id_;
  time_ = other.time_;
  return *this;
}

void RetryPace::Place::GiveBack() {
  if (pace_ != nullptr) std::exchange(pace_, nullptr)->GiveBack(id_);
}

RetryPace::Place RetryPace::Reserve(const Line& line, Waiter waiter, Duration back_off,
                                    MonotonicTime now) {
  now_ = SecondOf(now);
  taken_.erase(taken_.begin(), taken_.lower_bound(now_));
  const MonotonicTime wanted = now + back_off;
  const std::int64_t second = FindSecond(wanted, back_off);
  const int number = taken_[second]++;
  const MonotonicTime slot(seconds(second) + number * Duration(seconds(1)) / per_second_);

  Place place;
  place.pace_ = this;
  place.id_ = ++last_id_;
  place.time_ = std::max(wanted, slot);
  lines_[line].insert({place.time_, place.id_});
  entries_.emplace(place.id_, Entry{line, std::move(waiter), place.time_});
  return place;
}

std::int64_t RetryPace::FindSecond(MonotonicTime wanted, Duration back_off) const {
  const std::int64_t first = SecondOf(wanted);
  const Duration spread = std::clamp(kLongestSpread - back_off, Duration::zero(), back_off);
  const std::int64_t last = SecondOf(wanted + spread);
  std::int64_t best = first;
  for (std::int64_t second = first; second <= last && TakenIn(best) > 0; ++second) {
    if (TakenIn(second) < TakenIn(best)) best = second;
  }
  while (TakenIn(best) >= per_second_) ++best;
  return best;
}

int RetryPace::TakenIn(std::int64_t second) const {
  const auto found = taken_.find(second);
  return found == taken_.end() ? 0 : found->second;
}

void RetryPace::GiveBack(std::uint64_t id) {
  const auto entry = entries_.find(id);
  // What was tried in this second has used its place.
  const std::int64_t second = SecondOf(entry->second.time);
  if (const auto taken = taken_.find(second); second > now_ && taken != taken_.end()) {
    --taken->second;
  }
  if (const auto line = lines_.find(entry->second.line); line != lines_.end()) {
    line->second.erase({entry->second.time, id});
    if (line->second.empty()) lines_.erase(line);
  }
  entries_.erase(entry);
}

std::vector<RetryPace::Waiter> RetryPace::Open(const Line& line) {
  std::vector<Waiter> next;
  const auto waiting = lines_.find(line);
  if (waiting == lines_.end()) return next;
  auto& places = waiting->second;
  while (next.size() < kOpened && !places.empty()) {
    next.push_back(entries_.at(places.begin()->second).waiter);
    places.erase(places.begin());
  }
  if (places.empty()) lines_.erase(waiting);
  return next;
}

}  // namespace kro::controller
