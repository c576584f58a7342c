// ShortDocuments: hands out the OpenAPI documents of built-in kinds cut down to the kinds that scenarios
// use, so that starting an operator costs a simulation little. All else passes.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "http/transport.h"

namespace kro::simulation {

class ShortDocuments final : public http::Transport {
 public:
  // What was cut down already, for many worlds of one thread.
  using Cache = std::map<std::string, http::Response>;

  // Both outlive it.
  ShortDocuments(http::Transport& inner, Cache& cache) : inner_(inner), cache_(cache) {}

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override;
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    return inner_.Open(std::move(request), std::move(cancel));
  }

 private:
  http::Transport& inner_;
  Cache& cache_;
};

}  // namespace kro::simulation
