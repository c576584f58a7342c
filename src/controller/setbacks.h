// Setbacks: what the API server refused, and when to try again.
//
// Of one instance, by object. Each cause has its own back-off; what is asked for again after the
// same refusal waits longer, with jitter, and is never given up. A change of what is wanted, or of
// the object that stands in the way, starts over.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "kube/api_error.h"
#include "kube/backoff.h"

namespace kro::controller {

enum class SetbackCause {
  kForbidden,    // by RBAC, admission or quota
  kInvalid,      // the object is wrong; only a change mends it
  kMissing,      // its namespace or its kind
  kConflict,     // somebody was faster
  kContested,    // somebody keeps taking fields of it
  kThrottled,    // the server asks for patience
  kUnreachable,  // no answer, the outcome is unknown
  kServerError,
};
std::string_view ToString(SetbackCause cause);
SetbackCause CauseOf(const kube::ApiError& error);

struct Setback {
  SetbackCause cause = SetbackCause::kServerError;
  Error error;
  int attempts = 0;
  MonotonicTime next{};  // not before

  // What was tried, and against which object: its hash and the UID of what stood there.
  std::string hash;
  std::string uid;
};

class Setbacks {
 public:
  // The setback that forbids a try now; nullptr: go ahead.
  const Setback* Holds(const std::string& object, std::string_view hash, std::string_view uid,
                       MonotonicTime now) const;

  // Takes note of a refusal.
  const Setback& Record(const std::string& object, std::string_view hash, std::string_view uid,
                        SetbackCause cause, Error error, std::optional<Duration> retry_after,
                        MonotonicTime now, const kube::Random& random);

  // It went well.
  void Clear(const std::string& object) { setbacks_.erase(object); }

  // Keeps only those recorded or held against since the last call: the others are wanted no more.
  void DropUnused();

  // The one that may be tried again first; nullptr if there is none. What was refused more than
  // `most_attempts` times waits for an event instead; 0: nothing does.
  const Setback* Next(int most_attempts = 0) const;

  // Each with the object's name.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& [object, entry] : setbacks_) visit(object, entry.setback);
  }

  bool empty() const { return setbacks_.empty(); }

 private:
  struct Entry {
    Setback setback;
    mutable bool used = false;
  };
  std::map<std::string, Entry> setbacks_;
};

// Spreads what many instances try again: a crowd that was refused together must not come back together.
// Example: with 5 a second, 1000 that want to be tried at once take 200 s.
class RetryPace {
 public:
  explicit RetryPace(int per_second) : per_second_(per_second) {}

  // The first time that is not before `wanted` and not taken by as many as may be.
  MonotonicTime Reserve(MonotonicTime wanted, MonotonicTime now);

 private:
  const int per_second_;
  std::map<std::int64_t, int> taken_;  // by second
};

}  // namespace kro::controller
