// MeteredTransport: counts and times what goes through, for rest_client_* metrics.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "http/transport.h"

namespace kro::operator_ {

class MeteredTransport final : public http::Transport {
 public:
  // Called after every answer; `code` 0: none came.
  using Observe = std::function<void(std::string_view method, int code, Duration took)>;

  // `inner` and `clock` outlive this.
  MeteredTransport(http::Transport& inner, const Clock& clock, Observe observe)
      : inner_(inner), clock_(clock), observe_(std::move(observe)) {}

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override {
    const std::string method = request.method;
    const MonotonicTime begin = clock_.Monotonic();
    auto response = co_await inner_.Send(std::move(request), std::move(cancel));
    observe_(method, response ? response->status : 0, clock_.Monotonic() - begin);
    co_return response;
  }

  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    const MonotonicTime begin = clock_.Monotonic();
    auto stream = co_await inner_.Open(std::move(request), std::move(cancel));
    observe_("GET", stream ? (*stream)->status() : 0, clock_.Monotonic() - begin);
    co_return stream;
  }

 private:
  http::Transport& inner_;
  const Clock& clock_;
  Observe observe_;
};

}  // namespace kro::operator_
