// WatchFleet: the watches that instances need, each once, however many graphs and instances use it.
//
//   auto lease = fleet.Acquire({.gvr = configmaps, .label_selector = kOwnedSelector}, reads, listener);
//   if (const kube::Store* store = lease->store()) …   // nullptr until the first fill
//   lease.reset();                                     // the last one ends the watch
//
// A watch keeps what its users read together. If a new user reads more, a second watch that keeps it
// all is filled beside the first, which serves the others meanwhile, and takes its place.
//
// Shared scopes, those of objects of others, are watched each by itself up to 16 of a kind, with the narrow rights that
// this takes. For more, one watch of the whole kind takes their place, which keeps what somebody asked for. Where the
// server refuses that, they go on each by itself.
//
// Lives on the loop of its executor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/clock.h"
#include "controller/metrics.h"
#include "controller/watch_scope.h"
#include "json/path.h"
#include "kube/backoff.h"
#include "kube/client.h"
#include "kube/informer.h"

namespace kro::controller {

// Selects everything that kro made.
inline constexpr std::string_view kOwnedSelector = "kro.run/owned=true";

// The index of every store by label::kPartOf.
inline constexpr std::string_view kPartOfIndex = "part-of";

// All are called on the loop and are quick: they put keys into queues.
struct WatchListener {
  // An object appeared (no `before`), changed or vanished (no `after`).
  std::function<void(const kube::ObjectPtr& before, const kube::ObjectPtr& after)> on_change;
  // Called in place of it where the lease itself observed a write. Its answer also shows what others changed before,
  // of which no event will tell any more.
  std::function<void(const kube::ObjectPtr& before, const kube::ObjectPtr& after)> on_own_write;
  // Called before on_change with the state in which the server removed an object; not if that was missed.
  std::function<void(const kube::ObjectPtr& removed)> on_removed;
  // The lease can be read from now on; also after more was asked for and listed again.
  std::function<void()> on_ready;
};

class WatchFleet {
 public:
  class Lease;

  // `client` and `metrics` outlive the fleet.
  WatchFleet(kube::Client& client, kube::Random random, Metrics& metrics = NoMetrics());
  ~WatchFleet();

  // Starts the watch, or joins it. `reads` are the paths that are read besides identity, labels,
  // annotations and what kro.run/applyset owns; one empty path: the whole object. The lease must not
  // outlive the fleet.
  std::unique_ptr<Lease> Acquire(WatchScope scope, std::span<const json::FieldPath> reads,
                                 WatchListener listener);

  // How many watches there are, for metrics and tests.
  std::size_t size() const { return watches_.size() + shared_.size(); }

  // What is watched, for metrics and /debug.
  struct View {
    WatchScope scope;  // of a shared one: the whole kind
    bool shared = false;
    std::size_t scopes = 0;  // that are read in it
    std::size_t leases = 0;
    std::size_t of_names = 0;            // leases of single objects among them
    std::uint64_t events = 0;            // told since it was filled
    const kube::Store* store = nullptr;  // of the call; nullptr until it is filled
  };
  std::vector<View> Views() const;

  // Compares every watch with what the server lists, once each `period` until `cancel` fires: one that
  // missed something is filled anew, and its listeners hear of it by on_ready. Zero: returns at once.
  async::Task<void> Check(Duration period, async::CancelToken cancel);

  // Ends all watches and waits for that. Leases may be given back later; they read nothing any more.
  async::Task<void> Shutdown();

 private:
  struct Part;
  struct Running;
  struct Watch;

  // The watch that a new lease of the scope joins.
  std::shared_ptr<Watch> WatchFor(const WatchScope& scope);
  // The shared watch of a kind of which much is watched by itself; else nullptr.
  std::shared_ptr<Watch> ShareIfMany(const api::Gvr& gvr);
  // It stands for those that it takes the place of.
  void TakeOver(const std::shared_ptr<Watch>& watch);
  // The kind may not be watched as a whole.
  void Unshare(const std::shared_ptr<Watch>& watch);
  static void Move(const std::shared_ptr<Part>& part, Watch& from,
                   const std::shared_ptr<Watch>& to);
  // Nobody asks for the part any more.
  void Narrow(Watch& shared, const Part& part);
  void End(Watch& watch);
  std::vector<std::shared_ptr<Watch>> All() const;

  void Spawn(async::Task<void> task);
  // Fills a store that keeps what the lease reads, unless there is one.
  void Cover(const std::shared_ptr<Watch>& watch, const Lease& lease);
  void Start(const std::shared_ptr<Watch>& watch);
  async::Task<void> Run(std::shared_ptr<Watch> watch, std::shared_ptr<Running> running);
  void Promote(const std::shared_ptr<Watch>& watch, const std::shared_ptr<Running>& running);
  static void Observe(Watch& watch, const json::Value& object);
  void Release(Lease& lease);

  // A shared watch was listed, for the first time or again.
  void OnListed(const std::shared_ptr<Watch>& watch, const std::shared_ptr<Running>& running,
                const std::set<WatchScope>& held_before);
  // Reads what a shared watch passed over while nobody had asked for it.
  async::Task<void> ReadLate(std::shared_ptr<Watch> watch, std::shared_ptr<Running> running,
                             std::shared_ptr<Part> part);
  async::Task<void> ForgetLater(std::shared_ptr<Running> running, std::set<kube::ObjectKey> keys);

  async::Task<void> CheckOne(std::shared_ptr<Watch> watch, async::CancelToken cancel);
  // What the list and the store of a watch do not agree on; nothing if there is no list.
  async::Task<std::set<std::string>> Differences(std::shared_ptr<Watch> watch,
                                                 std::shared_ptr<Running> running,
                                                 async::CancelToken cancel);

  kube::Client& client_;
  kube::Random random_;
  Metrics& metrics_;
  async::Scope scope_;
  std::map<WatchScope, std::shared_ptr<Watch>> watches_;
  std::map<api::Gvr, std::shared_ptr<Watch>> shared_;
  std::set<api::Gvr> unshareable_;  // while they are watched
};

// The right to read one watch. Destroying it gives it back.
class WatchFleet::Lease {
 public:
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  const WatchScope& scope() const { return scope_; }

  // What the server holds, once it was listed with all that this lease reads; else nullptr. A shared one also has what
  // others asked for.
  const kube::Store* store() const;

  // What its scope selects, in order of keys; nothing until store() is there.
  std::vector<kube::ObjectPtr> Objects() const;

  // When it was acquired.
  MonotonicTime since() const { return since_; }

  // Puts the answer to a write of our own into the store. Every other lease hears of it, this one only by
  // on_own_write.
  void ObserveWrite(const json::Value& object);

  // Puts what was read of an object into the store. Every lease hears of it, as of an event.
  void ObserveRead(const json::Value& object);

  // Lists everything again, beside what is held; on_ready tells when that has taken its place. For
  // objects that read differently although nobody wrote them: a default was added to their schema.
  void Refresh();

  // Waits until store() is there. kExhausted after `timeout`.
  async::Task<Result<void>> WaitReady(Duration timeout, async::CancelToken cancel);

 private:
  friend class WatchFleet;
  Lease(WatchFleet& fleet, WatchScope scope, std::vector<json::FieldPath> reads,
        WatchListener listener);

  WatchFleet& fleet_;
  const WatchScope scope_;
  std::shared_ptr<Watch> watch_;
  std::vector<json::FieldPath> reads_;
  WatchListener listener_;
  MonotonicTime since_;
  // The informer of which it was last asked whether it keeps all of reads_, and the answer.
  mutable const Running* asked_ = nullptr;
  mutable bool covered_ = false;
};

}  // namespace kro::controller
