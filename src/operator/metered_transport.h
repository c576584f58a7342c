// MeteredTransport: counts and times what goes through, for rest_client_* metrics.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "http/transport.h"

namespace kro::operator_ {

class MeteredTransport final : public http::Transport {
 public:
  // Called after every answer; `code` 0: none came. Sizes in bytes, nothing for streams.
  struct Exchange {
    std::string_view method;
    int code = 0;
    Duration took{};
    std::optional<std::size_t> sent;
    std::optional<std::size_t> received;
  };
  using Observe = std::function<void(const Exchange& exchange)>;

  // `inner` and `clock` outlive this.
  MeteredTransport(http::Transport& inner, const Clock& clock, Observe observe)
      : inner_(inner), clock_(clock), observe_(std::move(observe)) {}

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override {
    const std::string method = request.method;
    const std::size_t sent = request.body.size();
    const MonotonicTime begin = clock_.Monotonic();
    auto response = co_await inner_.Send(std::move(request), std::move(cancel));
    Exchange exchange{.method = method,
                      .code = response ? response->status : 0,
                      .took = clock_.Monotonic() - begin,
                      .sent = sent,
                      .received = {}};
    if (response) exchange.received = response->body.size();
    observe_(exchange);
    co_return response;
  }

  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    const MonotonicTime begin = clock_.Monotonic();
    auto stream = co_await inner_.Open(std::move(request), std::move(cancel));
    observe_({.method = "GET",
              .code = stream ? (*stream)->status() : 0,
              .took = clock_.Monotonic() - begin,
              .sent = {},
              .received = {}});
    co_return stream;
  }

 private:
  http::Transport& inner_;
  const Clock& clock_;
  Observe observe_;
};

}  // namespace kro::operator_
