// An answer that is complete, as a stream.
#pragma once

#include <string>
#include <utility>

#include "http/transport.h"

namespace kro::apiserver {

class WholeStream final : public http::ResponseStream {
 public:
  explicit WholeStream(http::Response response) : response_(std::move(response)) {}
  int status() const override { return response_.status; }
  const http::Headers& headers() const override { return response_.headers; }
  async::Task<Result<std::string>> Read(Duration) override {
    co_return std::exchange(response_.body, std::string());
  }

 private:
  http::Response response_;
};

}  // namespace kro::apiserver
