#include "kube/lease.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/chrono.h>

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

const Gvr kLeases{"coordination.k8s.io", "v1", "leases"};

// A wait between attempts is drawn from [retry, retry * (1 + this)].
constexpr double kAcquireJitter = 1.2;

std::string MicroTime(WallTime time);
std::string_view HolderOf(const json::Value& lease);
std::int64_t IntegerAt(const json::Value* spec, std::string_view name);

}  // namespace

Result<void> CheckLeaseOptions(const LeaseOptions& options) {
  if (options.name.empty() || options.name_space.empty() || options.identity.empty()) {
    return Fail(ErrorCode::kInvalid, "a lease needs a namespace, a name and an identity");
  }
  const auto retry = std::chrono::duration<double>(options.retry_period);
  if (options.duration <= options.renew_deadline) {
    return Fail(ErrorCode::kInvalid, "lease duration must be greater than the renew deadline");
  }
  if (std::chrono::duration<double>(options.renew_deadline) <= retry * kAcquireJitter) {
    return Fail(ErrorCode::kInvalid,
                "renew deadline must be greater than 1.2 times the retry period");
  }
  if (options.retry_period <= Duration::zero()) {
    return Fail(ErrorCode::kInvalid, "lease durations must be greater than zero");
  }
  return {};
}

LeaderElector::LeaderElector(Client& client, LeaseOptions options, Random random,
                             std::function<void(const std::string&)> observe)
    : client_(client),
      options_(std::move(options)),
      random_(std::move(random)),
      observe_(std::move(observe)) {}

Task<Result<void>> LeaderElector::Acquire(CancelToken cancel) {
  while (true) {
    const Attempt attempt = co_await Try(options_.renew_deadline, cancel);
    if (attempt == Attempt::kHeld) {
      leads_ = true;
      co_return Result<void>{};
    }
    const auto wait =
        options_.retry_period +
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options_.retry_period) *
                                             kAcquireJitter * random_());
    auto slept = co_await async::Sleep(client_.executor(), wait, cancel);
    if (!slept) co_return slept;
  }
}

Task<Result<void>> LeaderElector::Hold(CancelToken cancel) {
  async::Executor& executor = client_.executor();
  while (true) {
    auto slept = co_await async::Sleep(executor, options_.retry_period, cancel);
    if (!slept) co_return slept;
    const MonotonicTime deadline = LeadsUntil();
    Attempt attempt = Attempt::kFailed;
    while (attempt != Attempt::kHeld) {
      // A process that stood still may wake after the deadline: it asks once, in case nobody took over.
      const Duration left = deadline - executor.clock().Monotonic();
      attempt = co_await Try(left > Duration::zero() ? left : options_.renew_deadline, cancel);
      if (cancel.cancelled()) co_return Fail(ErrorCode::kCancelled, "cancelled");
      if (attempt == Attempt::kHeld) break;
      const MonotonicTime now = executor.clock().Monotonic();
      if (attempt == Attempt::kTakenByOther || now >= deadline) {
        leads_ = false;
        co_return Fail(ErrorCode::kExhausted, "leader election lost: lease {}/{} is held by '{}'",
                       options_.name_space, options_.name, leader());
      }
      slept = co_await async::SleepUntil(executor, std::min(now + options_.retry_period, deadline),
                                         cancel);
      if (!slept) co_return slept;
    }
  }
}

Task<Result<void>> LeaderElector::Release(CancelToken cancel) {
  if (!leads_) co_return Result<void>{};
  const ObjectKey key{options_.name_space, options_.name};
  auto live = co_await client_.Get(kLeases, key, {}, cancel);
  if (!live) co_return Annotate(live.error(), "lease {}", options_.name);
  leads_ = false;
  if (HolderOf(*live) != options_.identity) co_return Result<void>{};
  json::Object& spec = live->as_object()["spec"].as_object();
  spec["holderIdentity"] = "";
  spec["leaseDurationSeconds"] = 1;
  spec["renewTime"] = MicroTime(client_.executor().clock().Now());
  spec["acquireTime"] = spec["renewTime"];
  auto written = co_await client_.Update(kLeases, std::move(*live), {}, cancel);
  if (!written) co_return Annotate(written.error(), "lease {}", options_.name);
  co_return Result<void>{};
}

std::string LeaderElector::leader() const { return std::string(HolderOf(observed_)); }

// A request that hangs must not eat the whole deadline.
Task<LeaderElector::Attempt> LeaderElector::Try(Duration limit, CancelToken cancel) {
  async::Executor& executor = client_.executor();
  const Duration usual = std::max<Duration>(std::chrono::seconds(1), options_.renew_deadline / 2);
  auto source = std::make_shared<async::CancelSource>(cancel);
  auto stop_timer = executor.PostAt(executor.clock().Monotonic() + std::min(limit, usual),
                                    [source] { source->Cancel(); });
  const Attempt attempt = co_await TryOnce(source->token());
  stop_timer();
  co_return attempt;
}

Task<LeaderElector::Attempt> LeaderElector::TryOnce(CancelToken cancel) {
  // While our own record is valid nobody else can have it: write at once.
  if (leads_ && HolderOf(observed_) == options_.identity && ObservedIsValid()) {
    json::Value lease = observed_;
    lease.as_object()["spec"] = NewSpec(json::Find(observed_, "spec"));
    const Attempt written = co_await Write(std::move(lease), cancel);
    if (written == Attempt::kHeld) co_return written;
  }
  const ObjectKey key{options_.name_space, options_.name};
  auto live = co_await client_.Get(kLeases, key, {}, cancel);
  if (!live) {
    if (!IsNotFound(live.error())) {
      client_.logger().Warning("lease cannot be read", {{"error", live.error().message()}});
      co_return Attempt::kFailed;
    }
    json::Object metadata;
    metadata["name"] = options_.name;
    metadata["namespace"] = options_.name_space;
    json::Object lease;
    lease["apiVersion"] = "coordination.k8s.io/v1";
    lease["kind"] = "Lease";
    lease["metadata"] = std::move(metadata);
    lease["spec"] = NewSpec(nullptr);
    const MonotonicTime sent = client_.executor().clock().Monotonic();
    auto created =
        co_await client_.Create(kLeases, options_.name_space, std::move(lease), {}, cancel);
    if (!created) {
      client_.logger().Warning("lease cannot be created", {{"error", created.error().message()}});
      co_return Attempt::kFailed;
    }
    Observe(std::move(*created));
    renewed_ = sent;
    co_return Attempt::kHeld;
  }
  Observe(*live);
  const bool mine = HolderOf(*live) == options_.identity;
  if (!mine && !HolderOf(*live).empty() && ObservedIsValid()) {
    co_return leads_ ? Attempt::kTakenByOther : Attempt::kFailed;
  }
  json::Value spec = NewSpec(json::Find(*live, "spec"));
  live->as_object()["spec"] = std::move(spec);
  co_return co_await Write(std::move(*live), cancel);
}

Task<LeaderElector::Attempt> LeaderElector::Write(json::Value lease, CancelToken cancel) {
  const MonotonicTime sent = client_.executor().clock().Monotonic();
  auto written = co_await client_.Update(kLeases, std::move(lease), {}, cancel);
  if (!written) {
    if (written.error().code() != ErrorCode::kCancelled) {
      client_.logger().Warning("lease cannot be written", {{"error", written.error().message()}});
    }
    co_return Attempt::kFailed;
  }
  Observe(std::move(*written));
  // The server may have stamped it any time after it was sent.
  renewed_ = sent;
  observed_at_ = sent;
  co_return Attempt::kHeld;
}

void LeaderElector::Observe(json::Value lease) {
  const json::Value* before = json::Find(observed_, "spec");
  const json::Value* after = json::Find(lease, "spec");
  const bool same = before != nullptr && after != nullptr && *before == *after;
  if (!same) observed_at_ = client_.executor().clock().Monotonic();
  const bool new_leader = HolderOf(observed_) != HolderOf(lease);
  observed_ = std::move(lease);
  if (new_leader && observe_) observe_(leader());
}

bool LeaderElector::ObservedIsValid() const {
  const auto seconds =
      std::chrono::seconds(IntegerAt(json::Find(observed_, "spec"), "leaseDurationSeconds"));
  return observed_at_ + seconds > client_.executor().clock().Monotonic();
}

json::Value LeaderElector::NewSpec(const json::Value* old) const {
  const std::string now = MicroTime(client_.executor().clock().Now());
  const bool mine =
      old != nullptr && json::FindString(*old, {"holderIdentity"}) == options_.identity;
  const json::Value* acquired = mine ? json::Find(*old, "acquireTime") : nullptr;
  json::Object spec;
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] =
      std::chrono::duration_cast<std::chrono::seconds>(options_.duration).count();
  spec["acquireTime"] = acquired != nullptr ? *acquired : json::Value(now);
  spec["renewTime"] = now;
  const std::int64_t transitions = IntegerAt(old, "leaseTransitions");
  spec["leaseTransitions"] = old == nullptr ? 0 : mine ? transitions : transitions + 1;
  return spec;
}

namespace {

std::string MicroTime(WallTime time) {
  const auto micros = std::chrono::time_point_cast<std::chrono::microseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(micros);
  return fmt::format(
      "{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
      fmt::gmtime(std::chrono::system_clock::to_time_t(
          std::chrono::time_point_cast<std::chrono::system_clock::duration>(seconds))),
      (micros - seconds).count());
}

std::string_view HolderOf(const json::Value& lease) {
  return json::FindString(lease, {"spec", "holderIdentity"});
}

std::int64_t IntegerAt(const json::Value* spec, std::string_view name) {
  const json::Value* value = spec == nullptr ? nullptr : json::Find(*spec, name);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

}  // namespace
}  // namespace kro::kube
