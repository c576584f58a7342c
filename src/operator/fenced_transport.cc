#include "operator/fenced_transport.h"

#include <memory>
#include <utility>

namespace kro::operator_ {
namespace {

// Fires with the caller's token and with the fence's.
class Joined {
 public:
  Joined(const async::CancelToken& caller, const async::CancelToken& fence)
      : source_(std::make_shared<async::CancelSource>(caller)),
        unlink_(fence.OnCancel([source = source_] { source->Cancel(); })) {}
  ~Joined() { unlink_(); }
  Joined(const Joined&) = delete;
  Joined& operator=(const Joined&) = delete;

  async::CancelToken token() const { return source_->token(); }

 private:
  std::shared_ptr<async::CancelSource> source_;
  std::function<void()> unlink_;
};

// Keeps the link for as long as the stream is read.
class FencedStream final : public http::ResponseStream {
 public:
  FencedStream(std::unique_ptr<Joined> link, std::unique_ptr<http::ResponseStream> inner)
      : link_(std::move(link)), inner_(std::move(inner)) {}
  int status() const override { return inner_->status(); }
  const http::Headers& headers() const override { return inner_->headers(); }
  async::Task<Result<std::string>> Read(Duration idle) override { return inner_->Read(idle); }

 private:
  std::unique_ptr<Joined> link_;
  std::unique_ptr<http::ResponseStream> inner_;
};

}  // namespace

async::Task<Result<http::Response>> FencedTransport::Send(http::Request request,
                                                          async::CancelToken cancel) {
  if (closed()) co_return Fail(ErrorCode::kCancelled, "not the leader any more");
  if (request.method != "GET") {
    request.not_after = until_();
    if (request.not_after && clock_.Monotonic() > *request.not_after) {
      co_return Fail(ErrorCode::kUnavailable, "the lease has not been renewed in time");
    }
  }
  const Joined joined(cancel, closed_.token());
  co_return co_await inner_.Send(std::move(request), joined.token());
}

async::Task<Result<std::unique_ptr<http::ResponseStream>>> FencedTransport::Open(
    http::Request request, async::CancelToken cancel) {
  if (closed()) co_return Fail(ErrorCode::kCancelled, "not the leader any more");
  auto joined = std::make_unique<Joined>(cancel, closed_.token());
  auto stream = co_await inner_.Open(std::move(request), joined->token());
  if (!stream) co_return std::unexpected(std::move(stream.error()));
  co_return std::make_unique<FencedStream>(std::move(joined), std::move(*stream));
}

}  // namespace kro::operator_
