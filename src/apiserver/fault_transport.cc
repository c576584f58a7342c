#include "apiserver/fault_transport.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

#include "apiserver/internal/status.h"
#include "apiserver/internal/whole_stream.h"
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
    {FaultKind::kTimeout, "timeout"},
    {FaultKind::kDenied, "denied", false, true},
    {FaultKind::kStaleList, "stale-list", false, true},
    {FaultKind::kCompacted, "compacted"},
    {FaultKind::kServerRestart, "server-restart"},
    {FaultKind::kEventDuplicate, "event-duplicate", true},
    {FaultKind::kEventLate, "event-late", true, true},
    {FaultKind::kEventLost, "event-lost", true},
    {FaultKind::kEventGone, "event-gone", true},
    {FaultKind::kEventSwapped, "event-swapped", true, true},
    {FaultKind::kWatchBroken, "watch-broken", true},
    {FaultKind::kWatchSilent, "watch-silent", true},
};

constexpr std::string_view kExpiredFrame =
    R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},)"
    R"("status":"Failure","message":"too old resource version","reason":"Expired","code":410}})"
    "\n";

const KindName& NameOf(FaultKind kind);
Result<std::uint64_t> ParseNumber(std::string_view text);
http::Response Refuse(int code, std::string_view reason, std::string_view message);
bool IsWrite(const http::Request& request) { return request.method != "GET"; }
// A list or watch that says how old the server's memory has to be.
bool AsksForTheOld(const http::Request& request);
// The value of a query parameter as it is written; empty if it is not there.
std::string_view Parameter(std::string_view target, std::string_view name);
// Whether no client could tell the order of two frames of a watch.
bool MaySwap(std::string_view first, std::string_view second);
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
      if (frames_.empty()) {
        auto bytes = co_await inner_->Read(idle);
        if (!bytes || bytes->empty() || status() != 200) co_return bytes;
        Split(*bytes);
        continue;
      }
      std::string frame = Pop();
      const Fault* fault = owner_.OfEvent();
      if (fault == nullptr) co_return frame;
      switch (fault->kind) {
        case FaultKind::kEventDuplicate:
          co_return frame + frame;
        case FaultKind::kEventLate:
          if (auto slept = co_await async::Sleep(owner_.executor_, fault->length, cancel_);
              !slept) {
            co_return std::unexpected(slept.error());
          }
          co_return frame;
        case FaultKind::kEventGone:
          broken_ = true;
          co_return std::string(kExpiredFrame);
        case FaultKind::kEventLost:
          broken_ = true;
          continue;
        case FaultKind::kEventSwapped: {
          if (frames_.empty()) {
            // A stream of the embedded server can be read again after nothing came.
            auto bytes = co_await inner_->Read(fault->length);
            if (bytes) Split(*bytes);
          }
          if (frames_.empty() || !MaySwap(frame, frames_.front())) co_return frame;
          ++owner_.counts_.events;
          co_return Pop() + frame;
        }
        case FaultKind::kWatchSilent: {
          const Duration silence = idle > Duration::zero() ? idle : kSilence;
          if (auto slept = co_await async::Sleep(owner_.executor_, silence, cancel_); !slept) {
            co_return std::unexpected(slept.error());
          }
          broken_ = true;
          continue;
        }
        default:
          broken_ = true;
          co_return frame;
      }
    }
  }

 private:
  // Of who waits for ever.
  static constexpr Duration kSilence = std::chrono::hours(1);

  void Split(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
      frames_.emplace_back(bytes.substr(0, end));
      bytes.remove_prefix(end);
    }
  }
  std::string Pop() {
    std::string frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
  }

  FaultTransport& owner_;
  std::unique_ptr<http::ResponseStream> inner_;
  async::CancelToken cancel_;
  std::deque<std::string> frames_;
  bool broken_ = false;
};

FaultTransport::FaultTransport(http::Transport& inner, Server& server, async::Executor& executor,
                               Schedule schedule, Crash crash)
    : inner_(inner),
      server_(server),
      executor_(executor),
      schedule_(std::move(schedule)),
      crash_(std::move(crash)) {}

async::Task<Result<http::Response>> FaultTransport::Send(http::Request request,
                                                         async::CancelToken cancel) {
  if (Unreachable()) co_return Down();
  const Fault* fault = OfCall(request);
  const auto is = [fault](FaultKind kind) { return fault != nullptr && fault->kind == kind; };
  if (fault != nullptr) Begin(*fault);
  if (is(FaultKind::kSlow)) {
    if (auto slept = co_await async::Sleep(executor_, fault->length, cancel); !slept) {
      co_return std::unexpected(slept.error());
    }
  }
  if (auto instead = Instead(fault, request)) co_return std::move(*instead);
  if (ListsAreStale()) MakeStale(request);
  auto response = co_await inner_.Send(std::move(request), cancel);
  if (is(FaultKind::kCrashAfter)) Die(*fault);
  if (is(FaultKind::kStale)) {
    if (auto slept = co_await async::Sleep(executor_, fault->length, cancel); !slept) {
      co_return std::unexpected(slept.error());
    }
  }
  if (Unreachable() || is(FaultKind::kLostResponse)) co_return Down();
  if (is(FaultKind::kTimeout)) {
    co_return Refuse(
        504, "Timeout",
        "Timeout: request did not complete within requested timeout - context deadline "
        "exceeded");
  }
  co_return response;
}

async::Task<Result<std::unique_ptr<http::ResponseStream>>> FaultTransport::Open(
    http::Request request, async::CancelToken cancel) {
  if (Unreachable()) co_return Down();
  const Fault* fault = OfCall(request);
  const auto is = [fault](FaultKind kind) { return fault != nullptr && fault->kind == kind; };
  if (fault != nullptr) Begin(*fault);
  if (is(FaultKind::kSlow)) {
    if (auto slept = co_await async::Sleep(executor_, fault->length, cancel); !slept) {
      co_return std::unexpected(slept.error());
    }
  }
  if (auto instead = Instead(fault, request)) {
    if (!*instead) co_return std::unexpected((*instead).error());
    std::unique_ptr<http::ResponseStream> answer =
        std::make_unique<WholeStream>(std::move(**instead));
    co_return answer;
  }
  if (ListsAreStale()) {
    const Duration left = stale_until_ - executor_.clock().Monotonic();
    if (auto slept = co_await async::Sleep(executor_, left, cancel); !slept) {
      co_return std::unexpected(slept.error());
    }
  }
  auto stream = co_await inner_.Open(std::move(request), cancel);
  if (!stream) co_return std::unexpected(stream.error());
  if (is(FaultKind::kCrashAfter)) Die(*fault);
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

void FaultTransport::Begin(const Fault& fault) {
  const MonotonicTime now = executor_.clock().Monotonic();
  switch (fault.kind) {
    case FaultKind::kCrashBefore:
      Die(fault);
      break;
    case FaultKind::kPartition:
      partition_until_ = now + fault.length;
      break;
    case FaultKind::kDenied:
      denied_until_ = now + fault.length;
      break;
    case FaultKind::kStaleList:
      stale_until_ = now + fault.length;
      stale_revision_ = server_.revision();
      break;
    case FaultKind::kCompacted:
      server_.CompactHistory();
      break;
    case FaultKind::kServerRestart:
      server_.CompactHistory();
      server_.EndWatches(Server::WatchEnd::kBroken);
      break;
    default:
      break;
  }
}

std::optional<Result<http::Response>> FaultTransport::Instead(const Fault* fault,
                                                              const http::Request& request) {
  if (Unreachable()) return Down();
  if (fault != nullptr) {
    switch (fault->kind) {
      case FaultKind::kLostRequest:
      case FaultKind::kServerRestart:
        return Down();
      case FaultKind::kConflict:
        if (!IsWrite(request) || request.method == "POST") break;
        return Refuse(409, "Conflict",
                      "Operation cannot be fulfilled: the object has been modified; please apply "
                      "your changes to the latest version and try again");
      case FaultKind::kGone:
        if (!AsksForTheOld(request)) break;
        if (!Parameter(request.target, "watch").empty()) {
          return http::Response{200, WatchHeaders(), std::string(kExpiredFrame)};
        }
        return Refuse(410, "Expired", "The resourceVersion for the provided list is too old.");
      case FaultKind::kThrottled: {
        http::Response response = Refuse(429, "TooManyRequests", "storage is (re)initializing");
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(fault->length).count();
        response.headers.Set("Retry-After", std::to_string(std::max<std::int64_t>(1, seconds)));
        return response;
      }
      case FaultKind::kServerError:
        return Refuse(500, "InternalError", "Internal error occurred: as scheduled");
      default:
        break;
    }
  }
  if (IsWrite(request) && executor_.clock().Monotonic() < denied_until_) {
    return Refuse(403, "Forbidden",
                  "admission webhook \"policy.example.com\" denied the request: as scheduled");
  }
  if (ListsAreStale() && !Parameter(request.target, "sendInitialEvents").empty()) {
    return Refuse(422, "Invalid", "sendInitialEvents is forbidden for watch: it is switched off");
  }
  return std::nullopt;
}

bool FaultTransport::ListsAreStale() const { return executor_.clock().Monotonic() < stale_until_; }

void FaultTransport::MakeStale(http::Request& request) const {
  if (request.method != "GET" || !Parameter(request.target, "resourceVersionMatch").empty()) return;
  const std::string_view version = Parameter(request.target, "resourceVersion");
  auto number = ParseNumber(version);
  if (version.empty() || !number || *number > stale_revision_) return;
  const auto at = static_cast<std::size_t>(version.data() - request.target.data());
  request.target.replace(at, version.size(),
                         std::to_string(stale_revision_) + "&resourceVersionMatch=Exact");
}

namespace {

const KindName& NameOf(FaultKind kind) { return *std::ranges::find(kNames, kind, &KindName::kind); }

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

std::string_view Parameter(std::string_view target, std::string_view name) {
  std::string_view query = target.substr(std::min(target.find('?'), target.size()));
  while (!query.empty()) {
    query.remove_prefix(1);  // '?' or '&'
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size());
    if (pair.substr(0, pair.find('=')) == name && pair.size() > name.size()) {
      return pair.substr(name.size() + 1);
    }
  }
  return {};
}

bool MaySwap(std::string_view first, std::string_view second) {
  const auto uid = [](std::string_view frame) {
    const auto event = json::Parse(frame);
    if (!event || json::FindString(*event, {"type"}) == "BOOKMARK") return std::string();
    return std::string(json::FindString(*event, {"object", "metadata", "uid"}));
  };
  const std::string one = uid(first);
  const std::string other = uid(second);
  return !one.empty() && !other.empty() && one != other;
}

bool AsksForTheOld(const http::Request& request) {
  const std::string_view version = Parameter(request.target, "resourceVersion");
  return request.method == "GET" &&
         ((!version.empty() && version != "0") || !Parameter(request.target, "continue").empty());
}

}  // namespace
}  // namespace kro::apiserver
