// EventRecorder: tells what happened to an object, as Events that `kubectl describe` and
// `kubectl events` show (spec kube-client section 22.1).
//
//   EventRecorder events(client, random);
//   scope.Spawn(events.Run(scope.token()));
//   events.Record({.source = "kro/webs.kro.run-controller", .regarding = ReferenceTo(object), …});
//
// Best effort: recording never waits and never fails. What is told again raises a count, what comes in
// many forms is told once for all of them, and whoever talks too much about one object is not heard, so
// that no fault of a cluster becomes a flood of writes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "async/event.h"
#include "async/scope.h"
#include "base/clock.h"
#include "json/value.h"
#include "kube/backoff.h"
#include "kube/client.h"

namespace kro::kube {

enum class EventType { kNormal, kWarning };

// What is to be told.
struct Happening {
  std::string source;     // component, "kro/webs.kro.run-controller"
  json::Value regarding;  // ObjectReference
  EventType type = EventType::kNormal;
  std::string reason;   // CamelCase
  std::string message;  // at most 1024 bytes are kept
};

// An ObjectReference to `object`, which carries apiVersion, kind and metadata.
json::Value ReferenceTo(const json::Value& object);

// What becomes of what is told, decided without a server. Limits are client-go's.
class EventCorrelator {
 public:
  static constexpr std::size_t kKept = 4096;  // keys of each kind; the longest unused goes
  static constexpr int kBurst = 25;           // of one source on one object and type
  static constexpr Duration kRefill = std::chrono::minutes(5);  // for each one more
  static constexpr std::size_t kSimilar = 10;                   // messages, then they are combined
  static constexpr Duration kSimilarWithin = std::chrono::minutes(10);

  EventCorrelator();
  ~EventCorrelator();

  struct Told {
    std::string key;      // what it repeats
    std::string message;  // perhaps of many
    std::int64_t count = 1;
    WallTime first;
    std::string name;  // of the Event that says so; empty: none yet
  };
  // nullopt: too much was told of the object.
  std::optional<Told> Correlate(const Happening& happening, MonotonicTime now, WallTime today);

  // The Event that says so from now on; an empty name: it is gone.
  void Remember(const std::string& key, std::string name);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

class EventRecorder {
 public:
  static constexpr std::size_t kQueue = 1000;

  // `client` outlives the recorder.
  EventRecorder(Client& client, Random random);

  // On the loop. Dropped if too many wait.
  void Record(Happening happening);

  // Writes what is recorded until `cancel` fires.
  async::Task<void> Run(async::CancelToken cancel);

  // Writes what waits, each once. Only when nobody runs it.
  async::Task<void> Flush(async::CancelToken cancel);

  // For metrics: written, and not written because of limits or refusals.
  std::size_t written() const { return written_; }
  std::size_t dropped() const { return dropped_; }

 private:
  async::Task<void> Tell(int tries, async::CancelToken cancel);
  // Both are of the caller's frame, which awaits this.
  async::Task<Reply<json::Value>> Write(const Happening& happening, EventCorrelator::Told& told,
                                        async::CancelToken cancel);

  Client& client_;
  Random random_;
  async::Event wake_;
  std::deque<Happening> queue_;
  EventCorrelator correlator_;
  std::uint64_t number_ = 0;
  std::size_t written_ = 0;
  std::size_t dropped_ = 0;
};

}  // namespace kro::kube
