#include "controller/setbacks.h"

#include <algorithm>
#include <cmath>

namespace kro::controller {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Policy {
  Duration first;
  Duration cap;
};

Policy PolicyOf(SetbackCause cause);
Duration DelayOf(SetbackCause cause, int attempts, const kube::Random& random);

}  // namespace

const Setback* Setbacks::Holds(const std::string& object, const Trial& trial,
                               MonotonicTime now) const {
  const auto found = setbacks_.find(object);
  if (found == setbacks_.end()) return nullptr;
  const Setback& setback = found->second.setback;
  if (setback.trial != trial || setback.next <= now) return nullptr;
  found->second.used = true;
  return &setback;
}

const Setback& Setbacks::Record(const std::string& object, Trial trial, SetbackCause cause,
                                Error error, std::optional<Duration> retry_after, MonotonicTime now,
                                const kube::Random& random) {
  const auto before = setbacks_.find(object);
  int attempts = 0;
  RetryPace::Place place;  // of the try that was refused
  if (before != setbacks_.end()) {
    const Setback& last = before->second.setback;
    if (last.cause == cause && last.trial == trial) attempts = last.attempts;
    place = std::move(before->second.place);
    setbacks_.erase(before);
  }
  const MonotonicTime patience = now + retry_after.value_or(Duration::zero());
  Setback setback{.cause = cause,
                  .error = std::move(error),
                  .attempts = attempts + 1,
                  .next = std::max(now + DelayOf(cause, attempts, random), patience),
                  .patience = patience,
                  .trial = std::move(trial)};
  Entry entry{.setback = std::move(setback), .place = std::move(place), .used = true};
  return setbacks_.emplace(object, std::move(entry)).first->second.setback;
}

void Setbacks::Enqueue(const std::string& object, RetryPace::Place place) {
  Entry& entry = setbacks_.at(object);
  entry.setback.next = place.time();
  entry.place = std::move(place);
}

void Setbacks::Hasten(const std::string& object, MonotonicTime now) {
  const auto found = setbacks_.find(object);
  if (found == setbacks_.end()) return;
  Setback& setback = found->second.setback;
  setback.next = std::min(setback.next, std::max(now, setback.patience));
}

const Setback* Setbacks::Find(const std::string& object) const {
  const auto found = setbacks_.find(object);
  return found == setbacks_.end() ? nullptr : &found->second.setback;
}

void Setbacks::DropUnused() {
  std::erase_if(setbacks_, [](const auto& entry) { return !entry.second.used; });
  for (auto& [object, entry] : setbacks_) entry.used = false;
}

const Setback* Setbacks::Next(int most_attempts) const {
  const Setback* next = nullptr;
  for (const auto& [object, entry] : setbacks_) {
    if (most_attempts > 0 && entry.setback.attempts > most_attempts) continue;
    if (next == nullptr || entry.setback.next < next->next) next = &entry.setback;
  }
  return next;
}

namespace {

Policy PolicyOf(SetbackCause cause) {
  switch (cause) {
    case SetbackCause::kForbidden:
      return {seconds(1), minutes(5)};
    case SetbackCause::kInvalid:
      return {seconds(1), minutes(5)};
    case SetbackCause::kImmutable:
      return {minutes(1), minutes(5)};
    case SetbackCause::kMissing:
    case SetbackCause::kMissingKind:
      return {milliseconds(500), seconds(60)};
    case SetbackCause::kConflict:
      return {milliseconds(100), seconds(30)};
    case SetbackCause::kThrottled:
      return {seconds(1), seconds(60)};
    case SetbackCause::kUnreachable:
      return {milliseconds(500), seconds(30)};
    case SetbackCause::kServerError:
      return {milliseconds(500), seconds(60)};
  }
  return {seconds(1), minutes(5)};
}

// Doubles from the first to the cap; between four fifths of it and it all is drawn.
Duration DelayOf(SetbackCause cause, int attempts, const kube::Random& random) {
  const Policy policy = PolicyOf(cause);
  const double grown = static_cast<double>(policy.first.count()) * std::pow(2.0, attempts);
  const double capped = std::min(grown, static_cast<double>(policy.cap.count()));
  return Duration(static_cast<Duration::rep>(capped * (0.8 + 0.2 * random())));
}

}  // namespace
}  // namespace kro::controller
