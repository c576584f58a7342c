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
#include "controller/retry_pace.h"
#include "controller/setback_cause.h"
#include "kube/backoff.h"

namespace kro::controller {

// What is tried.
struct Trial {
  std::string hash;        // of the object
  std::string uid;         // of what stands there
  std::uint64_t wish = 0;  // of the user, WishOf

  friend bool operator==(const Trial&, const Trial&) = default;
};

struct Setback {
  SetbackCause cause = SetbackCause::kServerError;
  Error error;
  int attempts = 0;
  MonotonicTime next{};      // not before
  MonotonicTime patience{};  // nor, whatever else happens, before what the server asked for
  Trial trial;
};

class Setbacks {
 public:
  // The setback that forbids a try now; nullptr: go ahead.
  const Setback* Holds(const std::string& object, const Trial& trial, MonotonicTime now) const;

  // Takes note of a refusal.
  const Setback& Record(const std::string& object, Trial trial, SetbackCause cause, Error error,
                        std::optional<Duration> retry_after, MonotonicTime now,
                        const kube::Random& random);

  // It is tried when its place comes.
  void Enqueue(const std::string& object, RetryPace::Place place);
  // It may be tried at once.
  void Hasten(const std::string& object, MonotonicTime now);

  // nullptr if there is none.
  const Setback* Find(const std::string& object) const;

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
    RetryPace::Place place;
    mutable bool used = false;
  };
  std::map<std::string, Entry> setbacks_;
};

}  // namespace kro::controller
