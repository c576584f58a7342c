#include "apiserver/fault_transport.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

#include "apiserver/internal/status.h"
#include "async/scope.h"

namespace kro::apiserver {
namespace {

struct KindName {
  FaultKind kind;
  std::string_view name;
  bool of_event = false;
  bool takes_time = false;
};
constexpr KindName kNames[] = {
    {FaultKind::kCrashBefore, "crash-before", false, true},
    {FaultKind::kCrashAfter, "crash-after", false, true},
    {FaultKind::kLostRequest, "lost-request"},
    {FaultKind::kLostResponse, "lost-response"},
    {FaultKind::kConflict, "conflict"},
    {FaultKind::kGone, "gone"},
    {FaultKind::kThrottled, "throttled", false, true},
    {FaultKind::kServerError, "server-error"},
    {FaultKind::kSlow, "slow", false, true},
    {FaultKind::kStale, "stale", false, true},
    {FaultKind::kPartition, "partition", false, true},
    {FaultKind::kEventDuplicate, "event-duplicate", true},
    {FaultKind::kEventLate, "event-late", true, true},
    {FaultKind::kEventLost, "event-lost", true},
    {FaultKind::kEventGone, "event-gone", true},
    {FaultKind::kWatchBroken, "watch-broken", true},
};

const KindName& NameOf(FaultKind kind);
Result<std::uint64_t> ParseNumber(std::string_view text);
http::Response Refuse(int code, std::string_view reason, std::string_view message);
bool IsWrite(const http::Request& request) { return request.method != "GET"; }
bool IsOfCollection(const http::Request& request);
// Any revision is too old for a store that has just forgotten everything.
void AskForTheForgotten(http::Request& request);
std::unexpected<Error> Down() { return Fail(ErrorCode::kUnavailable, "connection reset by peer"); }

}  // namespace

bool IsOfEvent(FaultKind kind) { return NameOf(kind).of_event; }
bool TakesTime(FaultKind kind) { return NameOf(kind).takes_time; }

std::string ToString(const Schedule& schedule) {
  std::string text;
  for (const Fault& fault : schedule) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}@{}", NameOf(fault.kind).name, fault.at);
    if (TakesTime(fault.kind)) {
      text += fmt::format(
          ":{}ms", std::chrono::duration_cast<std::chrono::milliseconds>(fault.length).count());
    }
  }
  return text;
}

Result<Schedule> ParseSchedule(std::string_view text) {
  Schedule schedule;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(','));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    const std::size_t at = entry.find('@');
    const auto* name = std::ranges::find(kNames, entry.substr(0, at), &KindName::name);
    if (at == std::string_view::npos || name == std::end(kNames)) {
      return Fail(ErrorCode::kInvalid, "'{}' is no fault: expected KIND@NUMBER", entry);
    }
    Fault fault{.kind = name->kind};
    std::string_view number = entry.substr(at + 1);
    if (const std::size_t colon = number.find(':'); colon != std::string_view::npos) {
      std::string_view length = number.substr(colon + 1);
      if (!name->takes_time || !length.ends_with("ms")) {
        return Fail(ErrorCode::kInvalid, "'{}': expected a time in ms after ':'", entry);
      }
      auto milliseconds = ParseNumber(length.substr(0, length.size() - 2));
      if (!milliseconds) return Annotate(milliseconds, "'{}'", entry);
      fault.length = std::chrono::milliseconds(*milliseconds);
      number = number.substr(0, colon);
    }
    auto parsed = ParseNumber(number);
    if (!parsed) return Annotate(parsed, "'{}'", entry);
    fault.at = *parsed;
    schedule.push_back(fault);
  }
  return schedule;
}

// Passes events on one by one.
class FaultStream final : public http::ResponseStream {
 public:
  FaultStream(FaultTransport& owner, std::unique_ptr<http::ResponseStream> inner,
              async::CancelToken cancel)
      : owner_(owner), inner_(std::move(inner)), cancel_(std::move(cancel)) {}

  int status() const override { return inner_->status(); }
  const http::Headers& headers() const override { return inner_->headers(); }

  async::Task<Result<std::string>> Read(Duration idle) override {
    while (true) {
      if (owner_.Unreachable() || broken_) co_return Down();
      if (!frames_.empty()) {
        std::string frame = std::move(frames_.front());
        frames_.pop_front();
        const Fault* fault = owner_.OfEvent();
        if (fault == nullptr) co_return frame;
        switch (fault->kind) {
          case FaultKind::kEventDuplicate: co_return frame + frame;
          case FaultKind::kEventLate:
            if (auto slept = co_await async::Sleep(owner_.executor_, fault->length, cancel_);
                !slept) {
              co_return std::unexpected(slept.error());
            }
            co_return frame;
          case FaultKind::kEventGone:
            broken_ = true;
            co_return std::string(
                R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},)"
                R"("status":"Failure","message":"too old resource version","reason":"Expired",)"
                R"("code":410}})"
                "\n");
          case FaultKind::kEventLost: broken_ = true; continue;
          default: broken_ = true; co_return frame;
        }
      }
      auto bytes = co_await inner_->Read(idle);
      if (!bytes || bytes->empty() || status() != 200) co_return bytes;
      for (std::size_t begin = 0; begin < bytes->size();) {
        const std::size_t end = std::min(bytes->find('\n', begin), bytes->size() - 1) + 1;
        frames_.push_back(bytes->substr(begin, end - begin));
        begin = end;
      }
    }
  }

 private:
  FaultTransport& owner_;
  std::unique_ptr<http::ResponseStream> inner_;
  async::CancelToken cancel_;
  std::deque<std::string> frames_;
  bool broken_ = false;
};

FaultTransport::FaultTransport(http::Transport& inner, async::Executor& executor,
                               Schedule schedule, Crash crash)
    : inner_(inner), executor_(executor), schedule_(std::move(schedule)), crash_(std::move(crash)) {}

async::Task<Result<http::Response>> FaultTransport::Send(http::Request request,
                                                         async::CancelToken cancel) {
  if (Unreachable()) co_return Down();
  const Fault* fault = OfCall(request);
  if (fault == nullptr) {
    auto response = co_await inner_.Send(std::move(request), std::move(cancel));
    if (Unreachable()) co_return Down();
    co_return response;
  }
  if (fault->kind == FaultKind::kSlow) {
    if (auto slept = co_await async::Sleep(executor_, fault->length, cancel); !slept) {
      co_return std::unexpected(slept.error());
    }
  }
  if (auto instead = Instead(*fault, request)) co_return std::move(*instead);
  auto response = co_await inner_.Send(std::move(request), cancel);
  if (fault->kind == FaultKind::kCrashAfter) Die(*fault);
  if (fault->kind == FaultKind::kStale) {
    if (auto slept = co_await async::Sleep(executor_, fault->length, cancel); !slept) {
      co_return std::unexpected(slept.error());
    }
  }
  if (Unreachable() || fault->kind == FaultKind::kLostResponse) co_return Down();
  co_return response;
}

async::Task<Result<std::unique_ptr<http::ResponseStream>>> FaultTransport::Open(
    http::Request request, async::CancelToken cancel) {
  if (Unreachable()) co_return Down();
  const Fault* fault = OfCall(request);
  if (fault != nullptr) {
    if (fault->kind == FaultKind::kSlow) {
      if (auto slept = co_await async::Sleep(executor_, fault->length, cancel); !slept) {
        co_return std::unexpected(slept.error());
      }
    } else if (fault->kind == FaultKind::kGone) {
      AskForTheForgotten(request);
    } else if (auto instead = Instead(*fault, request)) {
      co_return Down();
    }
  }
  auto stream = co_await inner_.Open(std::move(request), cancel);
  if (!stream) co_return std::unexpected(stream.error());
  if (fault != nullptr && fault->kind == FaultKind::kCrashAfter) Die(*fault);
  if (Unreachable()) co_return Down();
  std::unique_ptr<http::ResponseStream> faulty =
      std::make_unique<FaultStream>(*this, std::move(*stream), std::move(cancel));
  co_return faulty;
}

const Fault* FaultTransport::OfCall(const http::Request& request) {
  const std::uint64_t number = ++counts_.calls;
  for (const Fault& fault : schedule_) {
    if (fault.at != number || IsOfEvent(fault.kind)) continue;
    met_.push_back(ToString({fault}) + " " + request.method + " " + request.target);
    return &fault;
  }
  return nullptr;
}

const Fault* FaultTransport::OfEvent() {
  const std::uint64_t number = ++counts_.events;
  for (const Fault& fault : schedule_) {
    if (fault.at != number || !IsOfEvent(fault.kind)) continue;
    met_.push_back(ToString({fault}));
    return &fault;
  }
  return nullptr;
}

void FaultTransport::Die(const Fault& fault) {
  if (down_) return;
  down_ = true;
  if (crash_) crash_(fault);
}

bool FaultTransport::Unreachable() const {
  return down_ || executor_.clock().Monotonic() < partition_until_;
}

std::optional<Result<http::Response>> FaultTransport::Instead(const Fault& fault,
                                                              const http::Request& request) {
  switch (fault.kind) {
    case FaultKind::kCrashBefore: Die(fault); return Down();
    case FaultKind::kLostRequest: return Down();
    case FaultKind::kPartition:
      partition_until_ = executor_.clock().Monotonic() + fault.length;
      return Down();
    case FaultKind::kConflict:
      if (!IsWrite(request) || request.method == "POST") return std::nullopt;
      return Refuse(409, "Conflict",
                    "Operation cannot be fulfilled: the object has been modified; please apply your "
                    "changes to the latest version and try again");
    case FaultKind::kGone:
      if (!IsOfCollection(request)) return std::nullopt;
      return Refuse(410, "Expired", "The resourceVersion for the provided list is too old.");
    case FaultKind::kThrottled: {
      http::Response response = Refuse(429, "TooManyRequests", "storage is (re)initializing");
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(fault.length).count();
      response.headers.Set("Retry-After", std::to_string(std::max<std::int64_t>(1, seconds)));
      return response;
    }
    case FaultKind::kServerError:
      return Refuse(500, "InternalError", "Internal error occurred: as scheduled");
    default: return std::nullopt;
  }
}

namespace {

const KindName& NameOf(FaultKind kind) {
  return *std::ranges::find(kNames, kind, &KindName::kind);
}

Result<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Fail(ErrorCode::kInvalid, "'{}' is no number", text);
  }
  return number;
}

http::Response Refuse(int code, std::string_view reason, std::string_view message) {
  kube::Status status;
  status.code = code;
  status.reason = reason;
  status.message = message;
  return {code, {{"Content-Type", "application/json"}}, json::Serialize(ToJson(status))};
}

bool IsOfCollection(const http::Request& request) {
  return request.method == "GET" && request.target.find("limit=") != std::string::npos;
}

void AskForTheForgotten(http::Request& request) {
  const std::size_t at = request.target.find("resourceVersion=");
  if (at == std::string::npos) return;
  const std::size_t end = std::min(request.target.find('&', at), request.target.size());
  request.target.replace(at, end - at, "resourceVersion=1");
}

}  // namespace
}  // namespace kro::apiserver
