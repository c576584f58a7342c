// FencedTransport: lets nothing through any more once it is closed, and no write without a lease.
//
// Behind it stands everything that only a leader may do: when the lease is lost, closing the fence ends
// requests under way and refuses new ones, whoever makes them. A process that stood still (SIGSTOP, a
// paused machine) cannot know yet that it lost the lease when it goes on: so each write is held against the
// lease's end by the clock, here and once more where it is put on the wire.
#pragma once

#include <functional>
#include <optional>

#include "async/scope.h"
#include "base/clock.h"
#include "http/transport.h"

namespace kro::operator_ {

class FencedTransport final : public http::Transport {
 public:
  // Until when writes may be sent if nothing else happens; nullopt: for ever. Asked before each write.
  using Until = std::function<std::optional<MonotonicTime>()>;

  // `inner` and `clock` outlive the fence.
  FencedTransport(http::Transport& inner, const Clock& clock, Until until)
      : inner_(inner), clock_(clock), until_(std::move(until)) {}

  // From any thread; for good.
  void Close() { closed_.Cancel(); }
  bool closed() const { return closed_.token().cancelled(); }

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override;
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override;

 private:
  http::Transport& inner_;
  const Clock& clock_;
  const Until until_;
  async::CancelSource closed_;
};

}  // namespace kro::operator_
