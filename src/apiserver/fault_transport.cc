#include "apiserver/fault_transport.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "apiserver/internal/status.h"
#include "async/scope.h"

namespace kro::apiserver {
namespace {

http::Response Refuse(int code, std::string_view reason, std::string_view message);
bool IsWrite(const http::Request& request);
bool IsObjectless(const http::Request& request);
std::unexpected<Error> Down() { return Fail(ErrorCode::kUnavailable, "connection reset by peer"); }

}  // namespace

// Passes events on one by one.
class FaultStream final : public http::ResponseStream {
 public:
  FaultStream(FaultTransport& owner, std::unique_ptr<http::ResponseStream> inner)
      : owner_(owner), inner_(std::move(inner)) {}

  int status() const override { return inner_->status(); }
  const http::Headers& headers() const override { return inner_->headers(); }

  async::Task<Result<std::string>> Read(Duration idle) override {
    while (true) {
      if (owner_.crashed_ || owner_.partition_) co_return Down();
      if (!frames_.empty()) {
        std::string frame = std::move(frames_.front());
        frames_.pop_front();
        if (owner_.Happens(owner_.rates_.watch_lost)) {
          break_next_ = true;
          continue;
        }
        if (owner_.Happens(owner_.rates_.watch_duplicate)) frame += frame;
        co_return frame;
      }
      if (break_next_ || owner_.Happens(owner_.rates_.watch_broken)) co_return Down();
      auto bytes = co_await inner_->Read(idle);
      if (!bytes || bytes->empty() || status() != 200) co_return bytes;
      for (std::size_t begin = 0; begin < bytes->size();) {
        std::size_t end = std::min(bytes->find('\n', begin), bytes->size() - 1) + 1;
        frames_.push_back(bytes->substr(begin, end - begin));
        begin = end;
      }
    }
  }

 private:
  FaultTransport& owner_;
  std::unique_ptr<http::ResponseStream> inner_;
  std::deque<std::string> frames_;
  bool break_next_ = false;
};

FaultTransport::FaultTransport(http::Transport& inner, async::Executor& executor,
                               std::uint64_t seed, FaultRates rates)
    : inner_(inner), executor_(executor), draws_(seed), rates_(rates) {}

void FaultTransport::CrashAt(std::uint64_t call, std::function<void()> crash, When when) {
  crash_at_ = call;
  crash_ = std::move(crash);
  crash_when_ = when;
}

void FaultTransport::Revive() {
  crashed_ = false;
  crash_at_ = 0;
}

async::Task<Result<http::Response>> FaultTransport::Send(http::Request request,
                                                         async::CancelToken cancel) {
  calls_.push_back({request.method, request.target});
  const std::uint64_t number = calls_.size();
  if (CrashesNow(When::kBefore)) co_return Down();
  if (auto delayed = co_await Delay(cancel); !delayed) {
    co_return std::unexpected(delayed.error());
  }
  if (crashed_) co_return Down();
  if (auto instead = Before(request)) co_return std::move(*instead);
  const bool lost = Happens(rates_.lost_response);
  auto response = co_await inner_.Send(std::move(request), std::move(cancel));
  if (crash_at_ == number && CrashesNow(When::kAfter)) co_return Down();
  if (lost || crashed_) co_return Down();
  co_return response;
}

async::Task<Result<std::unique_ptr<http::ResponseStream>>> FaultTransport::Open(
    http::Request request, async::CancelToken cancel) {
  calls_.push_back({request.method, request.target});
  if (CrashesNow(When::kBefore)) co_return Down();
  if (auto delayed = co_await Delay(cancel); !delayed) {
    co_return std::unexpected(delayed.error());
  }
  if (crashed_ || partition_ || Happens(rates_.lost_request)) co_return Down();
  if (Happens(rates_.gone)) {
    // Any revision is too old for a store that has just forgotten everything.
    std::size_t at = request.target.find("resourceVersion=");
    if (at != std::string::npos) {
      std::size_t end = std::min(request.target.find('&', at), request.target.size());
      request.target.replace(at, end - at, "resourceVersion=1");
    }
  }
  auto stream = co_await inner_.Open(std::move(request), std::move(cancel));
  if (!stream) co_return std::unexpected(stream.error());
  std::unique_ptr<http::ResponseStream> faulty =
      std::make_unique<FaultStream>(*this, std::move(*stream));
  co_return faulty;
}

bool FaultTransport::Happens(double rate) {
  if (rate <= 0) return false;
  constexpr std::uint64_t kParts = 1'000'000;
  return static_cast<double>(draws_.Draw(kParts)) < rate * kParts;
}

std::optional<Result<http::Response>> FaultTransport::Before(const http::Request& request) {
  if (partition_ || Happens(rates_.lost_request)) return Down();
  if (IsWrite(request) && Happens(rates_.conflict)) {
    return Refuse(409, "Conflict", "Operation cannot be fulfilled: the object has been modified");
  }
  if (IsObjectless(request) && Happens(rates_.gone)) {
    return Refuse(410, "Expired", "The resourceVersion for the provided list is too old.");
  }
  if (Happens(rates_.throttled)) {
    http::Response response = Refuse(429, "TooManyRequests", "storage is (re)initializing");
    response.headers.Set("Retry-After", "1");
    return response;
  }
  if (Happens(rates_.server_error)) {
    return Refuse(500, "InternalError", "Internal error occurred: drawn by lot");
  }
  return std::nullopt;
}

bool FaultTransport::CrashesNow(When when) {
  if (crashed_) return true;
  if (crash_at_ == 0 || when != crash_when_ || calls_.size() < crash_at_) return false;
  crashed_ = true;
  if (crash_) crash_();
  return true;
}

async::Task<Result<void>> FaultTransport::Delay(async::CancelToken cancel) {
  if (!Happens(rates_.slow)) co_return Result<void>{};
  auto most = std::max<std::int64_t>(1, rates_.slowest.count());
  Duration delay(static_cast<std::int64_t>(draws_.Draw(static_cast<std::uint64_t>(most))));
  co_return co_await async::Sleep(executor_, delay, std::move(cancel));
}

namespace {

http::Response Refuse(int code, std::string_view reason, std::string_view message) {
  kube::Status status;
  status.code = code;
  status.reason = reason;
  status.message = message;
  return {code, {{"Content-Type", "application/json"}}, json::Serialize(ToJson(status))};
}

bool IsWrite(const http::Request& request) { return request.method != "GET"; }

bool IsObjectless(const http::Request& request) {
  return request.method == "GET" && request.target.find("limit=") != std::string::npos;
}

}  // namespace
}  // namespace kro::apiserver
