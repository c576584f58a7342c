#include "operator/install_crds.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "api/crd_manifests.h"
#include "schema/crd_synthesis.h"

namespace kro::operator_ {
namespace {

using async::CancelToken;
using async::Task;

const api::Gvr kCrds{"apiextensions.k8s.io", "v1", "customresourcedefinitions"};

constexpr Duration kFirstLook = std::chrono::milliseconds(10);
constexpr Duration kLongestPause = std::chrono::milliseconds(500);
constexpr Duration kLimit = std::chrono::minutes(2);

constexpr Duration kFirstPause = std::chrono::milliseconds(200);
constexpr Duration kLongestRetry = std::chrono::seconds(5);

// Whether the server may answer otherwise in a moment.
bool MayPass(const Error& error);

enum class Installed { kCreated, kWasThere };
Task<Result<Installed>> Install(kube::Client& client, Logger logger, json::Value crd,
                                CancelToken cancel);
Task<Result<void>> AwaitServed(kube::Client& client, json::Value crd, CancelToken cancel);

}  // namespace

Task<Result<void>> InstallCrds(kube::Client& client, Logger logger, CancelToken cancel) {
  std::vector<json::Value> crds = api::AllCrds();
  std::vector<json::Value> fresh;
  const MonotonicTime deadline = client.executor().clock().Monotonic() + kLimit;
  for (json::Value& crd : crds) {
    auto installed = co_await Install(client, logger, crd, cancel);
    for (Duration pause = kFirstPause; !installed && MayPass(installed.error()) &&
                                       client.executor().clock().Monotonic() < deadline;
         pause = std::min(pause * 2, kLongestRetry)) {
      logger.Warning("CRD not installed yet", {{"error", installed.error().message()}});
      auto slept = co_await async::Sleep(client.executor(), pause, cancel);
      if (!slept) co_return slept;
      installed = co_await Install(client, logger, crd, cancel);
    }
    if (!installed) {
      co_return Annotate(installed, "CRD {}", json::FindString(crd, {"metadata", "name"}));
    }
    if (*installed == Installed::kCreated) fresh.push_back(std::move(crd));
  }
  for (const json::Value& crd : fresh) {
    auto served = co_await AwaitServed(client, crd, cancel);
    if (!served) co_return Annotate(served, "CRD {}", json::FindString(crd, {"metadata", "name"}));
  }
  co_return Result<void>{};
}

namespace {

bool MayPass(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kThrottled:
    case ErrorCode::kConflict:
    case ErrorCode::kInternal:
      return true;
    default:
      return false;
  }
}

Task<Result<Installed>> Install(kube::Client& client, Logger logger, json::Value crd,
                                CancelToken cancel) {
  const std::string name(json::FindString(crd, {"metadata", "name"}));
  const kube::ObjectKey key{{}, name};
  auto live = co_await client.Get(kCrds, key, {}, cancel);
  if (!live && !kube::IsNotFound(live.error())) co_return std::unexpected(Error(live.error()));
  if (!live) {
    auto created = co_await client.Create(kCrds, {}, std::move(crd), {}, cancel);
    // A second replica that starts with us may have been first.
    if (created || kube::IsAlreadyExists(created.error())) {
      logger.Info("CRD installed", {{"crd", name}});
      co_return Installed::kCreated;
    }
    co_return std::unexpected(Error(created.error()));
  }
  json::Value patch = schema::MakeCrdPatch(*live, crd);
  if (patch.get_object().empty()) co_return Installed::kWasThere;
  auto patched =
      co_await client.Patch(kCrds, key, kube::PatchType::kMerge, std::move(patch), {}, cancel);
  if (patched) {
    logger.Info("CRD updated", {{"crd", name}});
    co_return Installed::kWasThere;
  }
  if (kube::IsForbidden(patched.error())) {
    logger.Warning("CRD is not up to date and may not be written",
                   {{"crd", name}, {"error", patched.error().message()}});
    co_return Installed::kWasThere;
  }
  co_return std::unexpected(Error(patched.error()));
}

// Until the first list of a new collection succeeds the server refuses to watch it for a second.
Task<Result<void>> AwaitServed(kube::Client& client, json::Value crd, CancelToken cancel) {
  const std::string plural(json::FindString(crd, {"spec", "names", "plural"}));
  const api::Gvr gvr{std::string(json::FindString(crd, {"spec", "group"})), "v1alpha1", plural};
  const kube::ListOptions one{.limit = 1};
  const MonotonicTime deadline = client.executor().clock().Monotonic() + kLimit;
  Duration pause = kFirstLook;
  while (true) {
    auto listed = co_await client.ListPage(gvr, {}, one, cancel);
    if (listed) co_return Result<void>{};
    if (!kube::IsNotFound(listed.error()) && !MayPass(listed.error())) {
      co_return std::unexpected(Error(listed.error()));
    }
    if (client.executor().clock().Monotonic() >= deadline) {
      co_return Fail(ErrorCode::kExhausted, "not served within 2m");
    }
    auto slept = co_await async::Sleep(client.executor(), pause, cancel);
    if (!slept) co_return slept;
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace
}  // namespace kro::operator_
