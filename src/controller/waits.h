// Waits: what an instance waits for, since when and what was seen, in words for its condition.
//
// Upstream's words come first, since tools match them; these follow when a wait has lasted. A short
// one ends before anybody reads of it, and each change of the text is a write.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "api/condition.h"
#include "base/clock.h"
#include "controller/setbacks.h"
#include "graph/graph.h"
#include "runtime/outcome.h"

namespace kro::controller {

// Of one instance, while it is not ready.
class Waits {
 public:
  // Waits are told of after this; attempts that are so far away or farther, with their time.
  static constexpr Duration kPatience = std::chrono::seconds(20);
  static constexpr Duration kFarAttempt = std::chrono::seconds(10);
  // Values and times that keep changing are told of no more often than this.
  static constexpr Duration kPause = std::chrono::seconds(10);
  // So many are told of; of the others only how many there are.
  static constexpr std::size_t kTold = 10;

  struct Moment {
    MonotonicTime monotonic;
    WallTime wall;
  };
  // What to put behind the message of a condition: `; node "web" waits for deployments.apps default/web
  // since 2026-01-02T03:04:05Z: web.status.readyReplicas == 2, web.status.readyReplicas is 1`. Empty if
  // there is nothing to tell yet. `stored` is what the conditions say as they stand: what another process told of
  // before a restart goes on from there.
  std::string Tell(const graph::Graph& graph, const runtime::Outcome& outcome,
                   const Setbacks& setbacks, std::string_view stored, Moment now);

  // How long until there is more to tell; nothing: only a change makes more.
  std::optional<Duration> next() const { return next_; }

 private:
  // The time of an attempt is told as it was computed first, so that the text stays until then.
  struct Attempt {
    MonotonicTime at{};
    api::Timestamp told{};
    bool far = false;
  };

  std::map<std::string, api::Timestamp> since_;  // by the words before it
  std::map<std::string, Attempt> attempts_;      // by object
  std::string about_;                            // what was told of, without values
  std::string told_;
  MonotonicTime told_at_{};
  std::optional<Duration> next_;
};

// The messages of all conditions that stand on an instance: an author's may repeat that of ResourcesReady.
std::string StoredMessages(const json::Value& instance);

}  // namespace kro::controller
