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

std::string_view ToString(SetbackCause cause) {
  switch (cause) {
    case SetbackCause::kForbidden:
      return "forbidden";
    case SetbackCause::kInvalid:
      return "invalid";
    case SetbackCause::kMissing:
      return "missing";
    case SetbackCause::kConflict:
      return "conflict";
    case SetbackCause::kContested:
      return "contested";
    case SetbackCause::kThrottled:
      return "throttled";
    case SetbackCause::kUnreachable:
      return "unreachable";
    case SetbackCause::kServerError:
      return "server error";
  }
  return "";
}

SetbackCause CauseOf(const kube::ApiError& error) {
  if (!error.answered()) return SetbackCause::kUnreachable;
  if (kube::IsThrottled(error)) return SetbackCause::kThrottled;
  if (kube::IsForbidden(error) || kube::IsUnauthorized(error)) return SetbackCause::kForbidden;
  if (kube::IsConflict(error)) return SetbackCause::kConflict;
  if (kube::IsNotFound(error)) return SetbackCause::kMissing;
  if (error.status().code >= 400 && error.status().code < 500) return SetbackCause::kInvalid;
  return SetbackCause::kServerError;
}

const Setback* Setbacks::Holds(const std::string& object, std::string_view hash,
                               std::string_view uid, MonotonicTime now) const {
  const auto found = setbacks_.find(object);
  if (found == setbacks_.end()) return nullptr;
  const Setback& setback = found->second.setback;
  if (setback.hash != hash || setback.uid != uid || setback.next <= now) return nullptr;
  found->second.used = true;
  return &setback;
}

const Setback& Setbacks::Record(const std::string& object, std::string_view hash,
                                std::string_view uid, SetbackCause cause, Error error,
                                std::optional<Duration> retry_after, MonotonicTime now,
                                const kube::Random& random) {
  auto found = setbacks_.find(object);
  int attempts = 0;
  if (found != setbacks_.end()) {
    const Setback& before = found->second.setback;
    if (before.cause == cause && before.hash == hash && before.uid == uid) {
      attempts = before.attempts;
    }
    setbacks_.erase(found);
  }
  Duration delay = DelayOf(cause, attempts, random);
  if (retry_after) delay = std::max(delay, *retry_after);
  Setback setback{.cause = cause,
                  .error = std::move(error),
                  .attempts = attempts + 1,
                  .next = now + delay,
                  .hash = std::string(hash),
                  .uid = std::string(uid)};
  return setbacks_.emplace(object, Entry{std::move(setback), true}).first->second.setback;
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

MonotonicTime RetryPace::Reserve(MonotonicTime wanted, MonotonicTime now) {
  const auto second_of = [](MonotonicTime time) {
    return std::chrono::floor<seconds>(time.time_since_epoch()).count();
  };
  taken_.erase(taken_.begin(), taken_.lower_bound(second_of(now)));
  std::int64_t second = second_of(wanted);
  for (auto at = taken_.find(second);
       at != taken_.end() && at->first == second && at->second >= per_second_; ++at) {
    ++second;
  }
  const int place = taken_[second]++;
  const MonotonicTime slot(seconds(second) + place * Duration(seconds(1)) / per_second_);
  return std::max(wanted, slot);
}

namespace {

Policy PolicyOf(SetbackCause cause) {
  switch (cause) {
    case SetbackCause::kForbidden:
      return {seconds(1), minutes(5)};
    case SetbackCause::kInvalid:
      return {seconds(1), minutes(5)};
    case SetbackCause::kMissing:
      return {milliseconds(500), seconds(60)};
    case SetbackCause::kConflict:
      return {milliseconds(100), seconds(30)};
    case SetbackCause::kContested:
      return {seconds(6), minutes(1)};
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
