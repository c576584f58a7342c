#include "kube/reflector.h"

#include <map>

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

constexpr Duration kVeryShortWatch = std::chrono::seconds(1);
// A watch that stood so long was no part of the trouble: the next one starts with a short wait.
constexpr Duration kSteadyWatch = std::chrono::seconds(5);
constexpr Duration kStorageStarts = std::chrono::milliseconds(20);
// The server has the initial state and sends it in one go, so a stream that falls silent before its end is taken for
// dead. It would be read until its own timeout: no resync compares what was never filled.
constexpr Duration kFillSilence = std::chrono::seconds(3);

bool IsWorthWaiting(const ApiError& error);
std::string_view VersionOf(const json::Value& object);

}  // namespace

Reflector::Reflector(Client& client, Gvr gvr, ReflectorOptions options, ReflectorSink& sink,
                     Random random)
    : client_(client),
      gvr_(std::move(gvr)),
      options_(std::move(options)),
      sink_(sink),
      random_(random),
      backoff_(options_.backoff, random),
      storage_starts_({.initial = kStorageStarts,
                       .cap = options_.backoff.initial,
                       .jitter = 0.5,
                       .reset_after = 4 * options_.backoff.initial},
                      std::move(random)) {}

Task<void> Reflector::Run(CancelToken cancel) {
  while (!cancel.cancelled()) {
    Next next = co_await FillByStream(cancel);
    if (next == Next::kListInstead) next = co_await FillByList(cancel);
    if (next == Next::kWatch) next = co_await Watch(cancel);
    stream_.reset();
    if (next == Next::kStop) co_return;
    if (next == Next::kFillNow) continue;
    if (!co_await Wait(next == Next::kFillSoon ? storage_starts_ : backoff_, cancel)) co_return;
  }
}

Task<Reflector::Next> Reflector::FillByStream(CancelToken cancel) {
  if (options_.selection != nullptr) options_.selection->OnListing();
  WatchOptions options;
  options.label_selector = options_.label_selector;
  options.field_selector = options_.field_selector;
  options.content = options_.content;
  options.initial_events = InitialEvents::kSend;
  options.resource_version = version_unavailable_ ? "" : resource_version_;
  options.timeout = std::chrono::seconds(300 + static_cast<int>(300 * random_()));
  auto opened = co_await client_.Watch(gvr_, options_.name_space, options, cancel);
  if (!opened) {
    const ApiError& error = opened.error();
    if (error.code() == ErrorCode::kCancelled) co_return Next::kStop;
    if (IsExpired(error) || IsResourceVersionTooLarge(error)) {
      bool again = version_unavailable_;
      version_unavailable_ = true;
      co_return again ? Next::kBackOff : Next::kFillNow;
    }
    if (IsStorageStarting(error)) co_return Next::kFillSoon;
    if (IsWorthWaiting(error)) {
      Report("watch not opened", error);
      co_return Next::kBackOff;
    }
    // A server without streaming lists answers 400 or 422.
    co_return Next::kListInstead;
  }
  stream_ = std::move(*opened);
  stream_opened_ = client_.executor().clock().Monotonic();

  std::map<ObjectKey, json::Value> objects;
  while (true) {
    const MonotonicTime asked = client_.executor().clock().Monotonic();
    auto event = co_await stream_->Next(kFillSilence);
    if (!event) {
      if (event.error().code() == ErrorCode::kCancelled) co_return Next::kStop;
      Report("initial state broke off", event.error());
      const bool silent = client_.executor().clock().Monotonic() - asked >= kFillSilence;
      co_return silent ? Next::kListInstead : Next::kBackOff;
    }
    // The end before the bookmark: what came is a part, so it is dropped.
    if (!*event) co_return Next::kBackOff;
    WatchEvent& got = **event;
    if (got.type == WatchEvent::Type::kError) {
      ApiError error(ParseFailure(got.object).value_or(Status{.code = 500}));
      if (IsExpired(error) || IsResourceVersionTooLarge(error)) {
        bool again = version_unavailable_;
        version_unavailable_ = true;
        co_return again ? Next::kBackOff : Next::kFillNow;
      }
      Report("initial state refused", error);
      co_return IsThrottled(error) ? Next::kBackOff : Next::kListInstead;
    }
    if (got.type == WatchEvent::Type::kBookmark) {
      if (!EndsInitialEvents(got)) continue;
      std::vector<json::Value> all;
      all.reserve(objects.size());
      for (auto& [key, object] : objects) all.push_back(std::move(object));
      Replaced(std::move(all), std::string(VersionOf(got.object)));
      co_return Next::kWatch;
    }
    ObjectKey key = KeyOf(got.object);
    const bool wanted = options_.selection == nullptr || options_.selection->Selects(got.object);
    if (got.type == WatchEvent::Type::kDeleted || !wanted) {
      objects.erase(key);
    } else {
      objects.insert_or_assign(std::move(key), std::move(got.object));
    }
  }
}

Task<Reflector::Next> Reflector::FillByList(CancelToken cancel) {
  stream_.reset();
  if (options_.selection != nullptr) options_.selection->OnListing();
  while (true) {
    ListOptions options;
    options.label_selector = options_.label_selector;
    options.field_selector = options_.field_selector;
    options.content = options_.content;
    if (options_.selection != nullptr) {
      // In pages, whatever came before: most of the collection may have to be dropped.
      options.keep = [selection = options_.selection](const json::Value& object) {
        return selection->Selects(object);
      };
    } else if (!version_unavailable_) {
      const bool any = options_.first_list == FirstList::kAny;
      options.resource_version = resource_version_.empty() && any ? "0" : resource_version_;
    }
    // A server that answers from its cache ignores a limit; asking for one at a given version would
    // send it to storage.
    bool cached = !options.resource_version.empty() && options.resource_version != "0";
    if (!cached || paginated_) options.limit = options_.page_size;
    auto list = co_await client_.List(gvr_, options_.name_space, options, cancel);
    if (list) {
      if (options.resource_version == "0") paginated_ = list->paginated;
      Replaced(std::move(list->items), std::move(list->resource_version));
      co_return Next::kWatch;
    }
    const ApiError& error = list.error();
    if (error.code() == ErrorCode::kCancelled) co_return Next::kStop;
    if ((IsExpired(error) || IsResourceVersionTooLarge(error)) && !version_unavailable_) {
      version_unavailable_ = true;
      continue;
    }
    if (IsForbidden(error) || IsTypeMissing(error)) {
      ReportRefusal(error);
      if (IsForbidden(error) && options_.selection != nullptr) options_.selection->OnForbidden();
    } else {
      Report("not listed", error);
    }
    co_return Next::kBackOff;
  }
}

Task<Reflector::Next> Reflector::Watch(CancelToken cancel) {
  while (true) {
    if (stream_ == nullptr) {
      WatchOptions options;
      options.label_selector = options_.label_selector;
      options.field_selector = options_.field_selector;
      options.content = options_.content;
      options.resource_version = resource_version_;
      options.timeout = std::chrono::seconds(300 + static_cast<int>(300 * random_()));
      stream_opened_ = client_.executor().clock().Monotonic();
      auto opened = co_await client_.Watch(gvr_, options_.name_space, options, cancel);
      if (!opened) {
        const ApiError& error = opened.error();
        if (error.code() == ErrorCode::kCancelled) co_return Next::kStop;
        if (IsExpired(error)) co_return Next::kBackOff;
        Report("watch not opened", error);
        if (!IsWorthWaiting(error)) co_return Next::kBackOff;
        // The version is still good: nothing needs to be listed when the server is back.
        if (!co_await Wait(IsStorageStarting(error) ? storage_starts_ : backoff_, cancel)) {
          co_return Next::kStop;
        }
        continue;
      }
      stream_ = std::move(*opened);
    }
    bool any = false;
    bool ended = false;
    while (!ended) {
      auto event = co_await stream_->Next();
      if (!event) {
        if (event.error().code() == ErrorCode::kCancelled) co_return Next::kStop;
        Report("watch broke", event.error());
        if (event.error().code() != ErrorCode::kUnavailable) co_return Next::kBackOff;
        ended = true;
        continue;
      }
      if (!*event) {
        ended = true;
        continue;
      }
      any = true;
      WatchEvent& got = **event;
      if (got.type == WatchEvent::Type::kError) {
        ApiError error(ParseFailure(got.object).value_or(Status{.code = 500}));
        if (IsExpired(error)) co_return Next::kBackOff;
        Report("watch ended by the server", error);
        if (!IsThrottled(error)) co_return Next::kBackOff;
        stream_.reset();
        if (!co_await Wait(backoff_, cancel)) co_return Next::kStop;
        break;
      }
      std::string version(VersionOf(got.object));
      if (version.empty()) {
        client_.logger().Warning("event without resourceVersion", {{"gvr", gvr_.ToString()}});
        continue;
      }
      resource_version_ = version;
      if (got.type == WatchEvent::Type::kBookmark) {
        sink_.OnBookmark(std::move(version));
      } else if (KeyOf(got.object).name.empty()) {
        client_.logger().Warning("event without name", {{"gvr", gvr_.ToString()}});
      } else {
        sink_.OnEvent(std::move(got));
      }
    }
    Duration lasted = client_.executor().clock().Monotonic() - stream_opened_;
    stream_.reset();
    if (lasted >= kSteadyWatch) backoff_.Reset();
    if (ended && !any && lasted < kVeryShortWatch) {
      // The version is kept: only the pace is slowed.
      if (!co_await Wait(backoff_, cancel)) co_return Next::kStop;
    }
  }
}

Task<bool> Reflector::Wait(Backoff& backoff, CancelToken cancel) {
  async::Executor& executor = client_.executor();
  Duration wait = backoff.Next(executor.clock().Monotonic());
  auto slept = co_await async::Sleep(executor, wait, cancel);
  co_return slept.has_value();
}

void Reflector::Replaced(std::vector<json::Value> objects, std::string resource_version) {
  auto versions = version_unavailable_ ? ReflectorSink::Versions::kStartOver
                                       : ReflectorSink::Versions::kContinue;
  version_unavailable_ = false;
  resource_version_ = resource_version;
  refusal_.clear();
  sink_.OnReplace(std::move(objects), std::move(resource_version), versions);
}

void Reflector::ReportRefusal(const Error& error) {
  const std::string refusal = error.message();
  if (refusal != refusal_) Report("not listed, tried again silently", error);
  refusal_ = refusal;
  sink_.OnRefused();
}

void Reflector::Report(std::string_view what, const Error& error) const {
  client_.logger().Warning(what, {{"gvr", gvr_.ToString()}, {"error", error.message()}});
}

namespace {

// Nobody is there, or the server is busy: what we know is still good.
bool IsWorthWaiting(const ApiError& error) {
  return IsConnectFailure(error) || IsThrottled(error) ||
         (!error.answered() && error.code() == ErrorCode::kUnavailable);
}

std::string_view VersionOf(const json::Value& object) {
  return json::FindString(object, {"metadata", "resourceVersion"});
}

}  // namespace
}  // namespace kro::kube
