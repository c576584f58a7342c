#include "kube/events.h"

#include <algorithm>
#include <list>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/hash.h"

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

const Gvr kEvents{"", "v1", "events"};

constexpr std::size_t kLongestMessage = 1024;
constexpr std::size_t kLongestName = 253;
constexpr int kTries = 12;
constexpr Duration kRetry = std::chrono::seconds(10);

std::string Timestamp(WallTime time);
std::string Shortened(std::string text);
std::string_view NamespaceOf(const json::Value& regarding);
std::string SubjectKey(const Happening& happening);
json::Value NewEvent(const Happening& happening, const EventCorrelator::Told& told,
                     std::string name, std::string_view now);

// The values used last, by key.
template <typename Value>
class Recent {
 public:
  explicit Recent(std::size_t limit) : limit_(limit) {}

  // Made if it is not there.
  Value& At(const std::string& key) {
    if (const auto found = places_.find(key); found != places_.end()) {
      values_.splice(values_.begin(), values_, found->second);
      return values_.front().second;
    }
    if (places_.size() >= limit_) {
      places_.erase(values_.back().first);
      values_.pop_back();
    }
    values_.emplace_front(key, Value());
    places_.emplace(key, values_.begin());
    return values_.front().second;
  }

 private:
  std::size_t limit_;
  std::list<std::pair<std::string, Value>> values_;  // the last used first
  std::unordered_map<std::string, typename decltype(values_)::iterator> places_;
};

}  // namespace

json::Value ReferenceTo(const json::Value& object) {
  json::Object reference;
  for (const std::string_view key : {"apiVersion", "kind"}) {
    if (const auto text = json::FindString(object, {key}); !text.empty()) reference[key] = text;
  }
  for (const std::string_view key : {"name", "namespace", "uid", "resourceVersion"}) {
    const auto text = json::FindString(object, {"metadata", key});
    if (!text.empty()) reference[key] = text;
  }
  return reference;
}

struct EventCorrelator::Memory {
  struct Bucket {
    double tokens = kBurst;
    MonotonicTime at{};
    bool used = false;
  };
  struct Similar {
    std::set<std::uint64_t> messages;
    MonotonicTime at{};
  };
  struct Said {
    std::int64_t count = 0;
    WallTime first{};
    std::string name;
  };
  Recent<Bucket> buckets{kKept};
  Recent<Similar> similar{kKept};
  Recent<Said> said{kKept};
};

EventCorrelator::EventCorrelator() : memory_(std::make_unique<Memory>()) {}
EventCorrelator::~EventCorrelator() = default;

std::optional<EventCorrelator::Told> EventCorrelator::Correlate(const Happening& happening,
                                                                MonotonicTime now, WallTime today) {
  const std::string subject = SubjectKey(happening);
  const std::string reason = subject + '\n' + happening.reason;
  Memory::Similar& similar = memory_->similar.At(reason);
  if (now - similar.at > kSimilarWithin) similar.messages.clear();
  similar.at = now;
  similar.messages.insert(Hash64(happening.message));
  Told told{.key = reason + '\n' + happening.message,
            .message = Shortened(happening.message),
            .first = today,
            .name = {}};
  if (similar.messages.size() >= kSimilar) {
    // Which ones they were need not be known any more.
    similar.messages.erase(similar.messages.begin());
    told.key = reason;
    told.message = Shortened("(combined from similar events): " + happening.message);
  }

  Memory::Bucket& bucket = memory_->buckets.At(subject);
  if (bucket.used) {
    const double rested =
        std::chrono::duration<double>(now - bucket.at) / std::chrono::duration<double>(kRefill);
    bucket.tokens = std::min<double>(kBurst, bucket.tokens + rested);
  }
  bucket.at = now;
  bucket.used = true;
  if (bucket.tokens < 1) return std::nullopt;
  bucket.tokens -= 1;

  Memory::Said& said = memory_->said.At(told.key);
  if (said.count == 0) said.first = today;
  told.count = ++said.count;
  told.first = said.first;
  told.name = said.name;
  return told;
}

void EventCorrelator::Remember(const std::string& key, std::string name) {
  Memory::Said& said = memory_->said.At(key);
  said.name = std::move(name);
  if (said.name.empty()) said.count = 0;
}

EventRecorder::EventRecorder(Client& client, Random random)
    : client_(client),
      random_(std::move(random)),
      wake_(client.executor(), async::EventReset::kAuto) {}

void EventRecorder::Record(Happening happening) {
  if (queue_.size() >= kQueue) {
    ++dropped_;
    return;
  }
  queue_.push_back(std::move(happening));
  wake_.Set();
}

Task<void> EventRecorder::Run(CancelToken cancel) {
  while (!cancel.cancelled()) {
    if (queue_.empty()) {
      if (auto woken = co_await wake_.Wait(cancel); !woken) co_return;
      continue;
    }
    co_await Tell(kTries, cancel);
  }
}

Task<void> EventRecorder::Flush(CancelToken cancel) {
  while (!queue_.empty() && !cancel.cancelled()) co_await Tell(1, cancel);
}

// What waits longest.
Task<void> EventRecorder::Tell(int tries, CancelToken cancel) {
  const Happening happening = std::move(queue_.front());
  queue_.pop_front();
  const Clock& clock = client_.executor().clock();
  auto told = correlator_.Correlate(happening, clock.Monotonic(), clock.Now());
  if (!told) {
    ++dropped_;
    co_return;
  }
  for (int tried = 1;; ++tried) {
    auto written = co_await Write(happening, *told, cancel);
    if (written) {
      ++written_;
      correlator_.Remember(told->key,
                           std::string(json::FindString(*written, {"metadata", "name"})));
      co_return;
    }
    const ApiError& error = written.error();
    if (error.answered() || error.code() == ErrorCode::kCancelled || tried == tries) {
      ++dropped_;
      // A namespace that ends, or a right that is missing: nobody waits for this.
      client_.logger().Debug("event is not written", {{"error", error.message()}});
      co_return;
    }
    // Many processes that lost one server must not come back at one moment.
    const double part = tried == 1 ? random_() : 1;
    const auto pause =
        Duration(static_cast<Duration::rep>(static_cast<double>(kRetry.count()) * part));
    if (auto slept = co_await async::Sleep(client_.executor(), pause, cancel); !slept) co_return;
  }
}

Task<Reply<json::Value>> EventRecorder::Write(const Happening& happening,
                                              EventCorrelator::Told& told, CancelToken cancel) {
  const WallTime now = client_.executor().clock().Now();
  const std::string time = Timestamp(now);
  const std::string_view ns = NamespaceOf(happening.regarding);
  if (!told.name.empty()) {
    json::Object patch;
    patch["count"] = told.count;
    patch["lastTimestamp"] = time;
    patch["message"] = told.message;
    auto patched = co_await client_.Patch(kEvents, {std::string(ns), told.name}, PatchType::kMerge,
                                          std::move(patch), {}, cancel);
    if (patched || !IsNotFound(patched.error())) co_return patched;
    // The server forgets events after a while.
    correlator_.Remember(told.key, {});
    told.count = 1;
    told.first = now;
  }
  const std::string unique =
      fmt::format("{:x}", static_cast<std::uint64_t>(now.time_since_epoch().count()) + number_++);
  std::string name = fmt::format("{}.{}", json::FindString(happening.regarding, {"name"}), unique);
  if (name.size() > kLongestName) name = fmt::format("{:016x}.{}", Hash64(name), unique);
  co_return co_await client_.Create(kEvents, std::string(ns),
                                    NewEvent(happening, told, std::move(name), time), {}, cancel);
}

namespace {

std::string Timestamp(WallTime time) {
  return fmt::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(time));
}

// Cut before a character, not inside one.
std::string Shortened(std::string text) {
  if (text.size() <= kLongestMessage) return text;
  std::size_t end = kLongestMessage - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

std::string_view NamespaceOf(const json::Value& regarding) {
  const std::string_view ns = json::FindString(regarding, {"namespace"});
  return ns.empty() ? "default" : ns;
}

std::string SubjectKey(const Happening& happening) {
  const auto part = [&](std::string_view name) {
    return json::FindString(happening.regarding, {name});
  };
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", happening.source, part("apiVersion"),
                     part("kind"), part("namespace"), part("name"), part("uid"),
                     happening.type == EventType::kNormal ? "Normal" : "Warning");
}

json::Value NewEvent(const Happening& happening, const EventCorrelator::Told& told,
                     std::string name, std::string_view now) {
  json::Object metadata;
  metadata["name"] = std::move(name);
  metadata["namespace"] = NamespaceOf(happening.regarding);
  json::Object source;
  source["component"] = happening.source;
  json::Object event;
  event["apiVersion"] = "v1";
  event["kind"] = "Event";
  event["metadata"] = std::move(metadata);
  event["involvedObject"] = happening.regarding;
  event["reason"] = happening.reason;
  event["message"] = told.message;
  event["source"] = std::move(source);
  event["type"] = happening.type == EventType::kNormal ? "Normal" : "Warning";
  event["firstTimestamp"] = Timestamp(told.first);
  event["lastTimestamp"] = now;
  event["count"] = told.count;
  event["reportingComponent"] = happening.source;
  event["reportingInstance"] = "";
  return event;
}

}  // namespace
}  // namespace kro::kube
