// LeaderElector: one of several processes leads, the one that holds a Lease (spec kube-client section
// 21).
//
//   LeaderElector elector(client, {.name_space = "kro-system", …}, random);
//   co_await elector.Acquire(token);       // leads when it returns
//   auto lost = co_await elector.Hold(token);  // renews until the lease is lost or `token` fires
//
// Time is judged by the local monotonic clock alone: a lease that somebody else holds is valid for
// its duration from the moment when we saw it change. Give it a client with a connection of its own,
// so that no other request can delay a renewal.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "async/scope.h"
#include "kube/backoff.h"
#include "kube/client.h"

namespace kro::kube {

struct LeaseOptions {
  std::string name_space;
  std::string name;
  std::string identity;  // of this process; never used by another one
  Duration duration = std::chrono::seconds(15);
  Duration renew_deadline = std::chrono::seconds(10);
  Duration retry_period = std::chrono::seconds(2);
};

// kInvalid unless duration > renew deadline > 1.2 x retry period > 0 and all names are there.
Result<void> CheckLeaseOptions(const LeaseOptions& options);

class LeaderElector {
 public:
  // `client` outlives the elector; `options` passed the check. `observe` hears of each new leader.
  LeaderElector(Client& client, LeaseOptions options, Random random,
                std::function<void(const std::string& leader)> observe = {});

  // Tries until this process leads; kCancelled if `cancel` fired first.
  async::Task<Result<void>> Acquire(async::CancelToken cancel);

  // Renews. Returns kExhausted when no renewal succeeded within the deadline or somebody else holds
  // the lease: whoever leads must stop at once. kCancelled if `cancel` fired; the lease is still held.
  async::Task<Result<void>> Hold(async::CancelToken cancel);

  // Gives the lease back, so that a successor need not wait for its end. Only after everything that
  // needs leadership has stopped.
  async::Task<Result<void>> Release(async::CancelToken cancel);

  bool leads() const { return leads_; }
  // Who holds the lease as far as is known; empty: nobody.
  std::string leader() const;
  // When this process acquired or renewed it last.
  MonotonicTime renewed() const { return renewed_; }
  // Until when this process may act as the leader unless it renews before; counted from the moment when
  // it asked for the lease, so that nobody else can have it by then.
  MonotonicTime LeadsUntil() const { return renewed_ + options_.renew_deadline; }

 private:
  enum class Attempt { kHeld, kTakenByOther, kFailed };

  async::Task<Attempt> Try(Duration limit, async::CancelToken cancel);
  async::Task<Attempt> TryOnce(async::CancelToken cancel);
  async::Task<Attempt> Write(json::Value lease, async::CancelToken cancel);
  void Observe(json::Value lease);
  bool ObservedIsValid() const;
  json::Value NewSpec(const json::Value* old) const;

  Client& client_;
  const LeaseOptions options_;
  Random random_;
  std::function<void(const std::string&)> observe_;
  json::Value observed_;         // the Lease as last seen, or null
  MonotonicTime observed_at_{};  // when its spec was seen to change
  bool leads_ = false;
  MonotonicTime renewed_{};
};

}  // namespace kro::kube
