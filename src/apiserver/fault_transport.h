// FaultTransport: a transport on which things go wrong as a schedule says: what a simulation puts between
// the operator and its server.
//
//   FaultTransport faults(transport, server, sim, *ParseSchedule("conflict@5,crash-after@17"),
//                         [&](const Fault&) { Kill(); });
//
// A schedule is a list, so that a failing one can be printed, replayed and made smaller. The same schedule
// and the same calls give the same run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/server.h"
#include "async/executor.h"
#include "http/transport.h"

namespace kro::apiserver {

enum class FaultKind {
  // Of a call; calls count from 1, whether they ask for one answer or open a watch.
  kCrashBefore,   // the process dies before the call leaves
  kCrashAfter,    // … after it was carried out, before its answer comes
  kLostRequest,   // never reaches the server
  kLostResponse,  // carried out, but nobody hears of it
  kConflict,      // 409, of a write
  kGone,          // 410, of a list or watch
  kThrottled,     // 429 with Retry-After
  kServerError,   // 500
  kSlow,          // takes so much longer to reach the server
  kStale,         // the answer takes so much longer to come back: what it tells is old by then
  kPartition,     // from here on nothing gets through for so long; watches break
  kTimeout,       // carried out, but the server says 504, as when its storage takes too long
  kDenied,        // from here on admission refuses all writes for so long (403)
  // For so long from here on the server lists from a cache that stands still: what is listed at some
  // version, or at any, is as it was at this moment; watches open when it moves on; streaming lists are
  // refused, as by a server that has none. Lists at the newest version are what they should be.
  kStaleList,
  kCompacted,      // the server forgets its history, and serves what it has
  kServerRestart,  // … and all watches break
  // Of an event of a watch; events count from 1, over all watches.
  kEventDuplicate,  // comes twice
  kEventLate,  // it and what follows on this watch come so much later: after newer ones of others
  kEventLost,  // never comes; the watch breaks, as a server's does that drops events
  kEventGone,  // never comes; the server forgets, so that the watch cannot be taken up again
  kEventSwapped,  // comes after the next event of its watch, if one of another object comes in time
  kWatchBroken,   // comes, then the watch breaks
  kWatchSilent,   // from it on nothing comes and nothing breaks, as if the other end were gone
};

struct Fault {
  FaultKind kind = FaultKind::kCrashBefore;
  std::uint64_t at = 0;  // number of the call or event
  Duration length{};     // of those that take time; of a crash: until the next start

  friend bool operator==(const Fault&, const Fault&) = default;
};
using Schedule = std::vector<Fault>;

bool IsOfEvent(FaultKind kind);
bool TakesTime(FaultKind kind);

// "crash-after@17:500ms,conflict@23,event-lost@4"; times in ms.
std::string ToString(const Schedule& schedule);
Result<Schedule> ParseSchedule(std::string_view text);

// How much went through a FaultTransport.
struct FaultCounts {
  std::uint64_t calls = 0;
  std::uint64_t events = 0;
};

// As thread-safe as what it stands before.
class FaultTransport final : public http::Transport {
 public:
  // Told when the process is to die. From then on all calls fail until Revive.
  using Crash = std::function<void(const Fault&)>;
  // `inner` leads to `server`. They and `executor` outlive it and its streams.
  FaultTransport(http::Transport& inner, Server& server, async::Executor& executor,
                 Schedule schedule, Crash crash);

  void Revive() { down_ = false; }

  FaultCounts counts() const { return counts_; }
  // What each fault met: "conflict@23 PATCH /api/v1/…".
  const std::vector<std::string>& met() const { return met_; }

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override;
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override;

 private:
  friend class FaultStream;

  // The fault of this call (event), if there is one; of several of one number the first.
  const Fault* OfCall(const http::Request& request);
  const Fault* OfEvent();
  void Die(const Fault& fault);
  bool Unreachable() const;
  // Lets begin what begins with this call, and lasts or happens in the server.
  void Begin(const Fault& fault);
  // What the call is answered with in the server's place, if anything; `fault` may be nullptr.
  std::optional<Result<http::Response>> Instead(const Fault* fault, const http::Request& request);
  bool ListsAreStale() const;
  // A list that may be stale is asked for as of when the cache stood still.
  void MakeStale(http::Request& request) const;

  http::Transport& inner_;
  Server& server_;
  async::Executor& executor_;
  const Schedule schedule_;
  Crash crash_;
  FaultCounts counts_;
  std::vector<std::string> met_;
  bool down_ = false;
  MonotonicTime partition_until_{};
  MonotonicTime denied_until_{};
  MonotonicTime stale_until_{};
  std::uint64_t stale_revision_ = 0;
};

}  // namespace kro::apiserver
