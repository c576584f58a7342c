// FaultTransport: a transport on which things go wrong, in an order drawn from a seed: what a simulation
// puts between the operator and its server.
//
//   FaultTransport faults(transport, sim, seed, {.lost_response = 0.02, .conflict = 0.05});
//   faults.CrashAt(17, [&] { operator_scope.Cancel(); });
//
// The same seed and the same calls give the same faults.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/ids.h"
#include "async/executor.h"
#include "http/transport.h"

namespace kro::apiserver {

// How often each thing goes wrong, of 1.
struct FaultRates {
  double lost_request = 0;    // it never reaches the server
  double lost_response = 0;   // carried out, but nobody hears of it
  double conflict = 0;        // 409, of writes
  double gone = 0;            // 410, of lists and watches
  double throttled = 0;       // 429 with Retry-After
  double server_error = 0;    // 500
  double slow = 0;            // takes up to `slowest`
  double watch_broken = 0;    // per chunk of events: the stream breaks
  double watch_duplicate = 0; // per event: it comes twice
  double watch_lost = 0;      // per event: it never comes, and the stream breaks soon after
  Duration slowest = std::chrono::seconds(5);
};

// A call that was made, for tests that walk through all of them.
struct FaultCall {
  std::string method;
  std::string target;
};

// As thread-safe as what it stands before.
class FaultTransport final : public http::Transport {
 public:
  // `inner` and `executor` outlive it and its streams.
  FaultTransport(http::Transport& inner, async::Executor& executor, std::uint64_t seed,
                 FaultRates rates);

  // Right before (or after) call number `call`, counted from 1, `crash` is called, and this call and all
  // later ones fail until Revive.
  enum class When { kBefore, kAfter };
  void CrashAt(std::uint64_t call, std::function<void()> crash, When when = When::kBefore);
  void Revive();
  // No call reaches the server while it is on.
  void SetPartition(bool on) { partition_ = on; }
  void SetRates(FaultRates rates) { rates_ = rates; }

  const std::vector<FaultCall>& calls() const { return calls_; }

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override;
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override;

 private:
  friend class FaultStream;

  bool Happens(double rate);
  // What the call is answered with in place of the server's answer, if anything.
  std::optional<Result<http::Response>> Before(const http::Request& request);
  bool CrashesNow(When when);
  async::Task<Result<void>> Delay(async::CancelToken cancel);

  http::Transport& inner_;
  async::Executor& executor_;
  IdSource draws_;
  FaultRates rates_;
  std::vector<FaultCall> calls_;
  bool partition_ = false;
  bool crashed_ = false;
  std::uint64_t crash_at_ = 0;  // 0: never
  When crash_when_ = When::kBefore;
  std::function<void()> crash_;
};

}  // namespace kro::apiserver
