#include "apiserver/local_transport.h"

#include <utility>

#include "apiserver/internal/whole_stream.h"
#include "async/event.h"
#include "async/scope.h"

namespace kro::apiserver {
namespace {

// What a watch has to say, as a stream.
class LocalStream final : public http::ResponseStream {
 public:
  LocalStream(async::Executor& executor, std::shared_ptr<Watch> watch, async::CancelToken cancel)
      : executor_(executor),
        watch_(std::move(watch)),
        cancel_(std::move(cancel)),
        there_(std::make_shared<async::Event>(executor, async::EventReset::kAuto)),
        headers_(watch_->headers()) {
    watch_->OnReady([there = there_] { there->Set(); });
  }
  ~LocalStream() override { watch_->OnReady(nullptr); }

  int status() const override { return 200; }
  const http::Headers& headers() const override { return headers_; }

  async::Task<Result<std::string>> Read(Duration idle) override {
    const MonotonicTime deadline = executor_.clock().Monotonic() + idle;
    while (true) {
      if (cancel_.cancelled()) co_return Fail(ErrorCode::kCancelled, "cancelled");
      if (std::string frames = watch_->Take(); !frames.empty()) co_return frames;
      if (watch_->broken()) co_return Fail(ErrorCode::kUnavailable, "connection reset");
      if (watch_->ended()) co_return std::string();
      Result<void> woken = idle > Duration::zero() ? co_await there_->WaitUntil(deadline, cancel_)
                                                   : co_await there_->Wait(cancel_);
      if (woken) continue;
      if (woken.error().code() == ErrorCode::kExhausted) {
        co_return Fail(ErrorCode::kUnavailable, "nothing came");
      }
      co_return std::unexpected(woken.error());
    }
  }

 private:
  async::Executor& executor_;
  std::shared_ptr<Watch> watch_;
  async::CancelToken cancel_;
  std::shared_ptr<async::Event> there_;
  http::Headers headers_;
};

}  // namespace

// Calls RunDue when it is due. Timers hold it weakly, so that it may go at any time.
struct LocalTransport::Pump : std::enable_shared_from_this<LocalTransport::Pump> {
  Pump(Server& the_server, async::Executor& the_executor)
      : server(the_server), executor(the_executor) {}

  void Schedule() {
    auto next = server.NextDue();
    if (!next || (timer_at && *timer_at <= *next)) return;
    if (cancel) cancel();
    timer_at = next;
    cancel = executor.PostAt(*next, [weak = weak_from_this()] {
      auto pump = weak.lock();
      if (pump == nullptr) return;
      pump->timer_at.reset();
      pump->cancel = nullptr;
      static_cast<void>(pump->server.RunDue());
      pump->Schedule();
    });
  }

  Server& server;
  async::Executor& executor;
  std::optional<MonotonicTime> timer_at;
  std::function<void()> cancel;
};

LocalTransport::LocalTransport(Server& server, async::Executor& executor, Options options,
                               Drive drive)
    : server_(server), executor_(executor), options_(std::move(options)) {
  if (drive == Drive::kNo) return;
  pump_ = std::make_shared<Pump>(server, executor);
  server.OnDueChanged([weak = std::weak_ptr(pump_)] {
    if (auto pump = weak.lock()) pump->Schedule();
  });
  pump_->Schedule();
}

LocalTransport::~LocalTransport() {
  if (pump_ == nullptr) return;
  server_.OnDueChanged(nullptr);
  if (pump_->cancel) pump_->cancel();
}

async::Task<Result<http::Response>> LocalTransport::Send(http::Request request,
                                                         async::CancelToken cancel) {
  auto reply = co_await Ask(std::move(request), std::move(cancel));
  if (!reply) co_return std::unexpected(reply.error());
  if (auto* response = std::get_if<http::Response>(&*reply)) co_return std::move(*response);
  co_return Fail(ErrorCode::kInvalid, "a watch was sent as a request for one answer");
}

async::Task<Result<std::unique_ptr<http::ResponseStream>>> LocalTransport::Open(
    http::Request request, async::CancelToken cancel) {
  auto reply = co_await Ask(std::move(request), cancel);
  if (!reply) co_return std::unexpected(reply.error());
  std::unique_ptr<http::ResponseStream> stream;
  if (auto* response = std::get_if<http::Response>(&*reply)) {
    stream = std::make_unique<WholeStream>(std::move(*response));
  } else {
    stream = std::make_unique<LocalStream>(
        executor_, std::move(std::get<std::shared_ptr<Watch>>(*reply)), std::move(cancel));
  }
  co_return stream;
}

async::Task<Result<Server::Reply>> LocalTransport::Ask(http::Request request,
                                                       async::CancelToken cancel) {
  const auto travel = [&] { return async::Sleep(executor_, options_.latency, cancel); };
  if (options_.latency > Duration::zero()) {
    if (auto sent = co_await travel(); !sent) co_return std::unexpected(sent.error());
  } else {
    co_await async::Yield(executor_);
  }
  if (cancel.cancelled()) co_return Fail(ErrorCode::kCancelled, "cancelled");
  const std::uint64_t before = server_.revision();
  Server::Reply reply = server_.Handle(request);
  if (auto* hold = std::get_if<Server::Hold>(&reply)) {
    if (auto waited = co_await async::Sleep(executor_, hold->delay, cancel); !waited) {
      co_return std::unexpected(waited.error());
    }
    reply = server_.Handle(request, Server::Attempt::kResumed);
  }
  if (auto* response = std::get_if<http::Response>(&reply); response && options_.audit) {
    options_.audit({request, *response, server_.revision() != before});
  }
  if (options_.latency > Duration::zero()) {
    if (auto came = co_await travel(); !came) co_return std::unexpected(came.error());
  }
  co_return reply;
}

}  // namespace kro::apiserver
