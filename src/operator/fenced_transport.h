// FencedTransport: lets nothing through any more once it is closed.
//
// Behind it stands everything that only a leader may do: when the lease is lost, closing the fence ends
// requests under way and refuses new ones, whoever makes them.
#pragma once

#include "async/scope.h"
#include "http/transport.h"

namespace kro::operator_ {

class FencedTransport final : public http::Transport {
 public:
  // `inner` outlives the fence.
  explicit FencedTransport(http::Transport& inner) : inner_(inner) {}

  // From any thread; for good.
  void Close() { closed_.Cancel(); }
  bool closed() const { return closed_.token().cancelled(); }

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override;
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override;

 private:
  http::Transport& inner_;
  async::CancelSource closed_;
};

}  // namespace kro::operator_
