#include "operator/install_crds.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

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

Task<Result<void>> Install(kube::Client& client, Logger logger, json::Value crd,
                           CancelToken cancel);
Task<Result<void>> AwaitEstablished(kube::Client& client, std::string name, CancelToken cancel);
bool IsEstablished(const json::Value& crd);

}  // namespace

Task<Result<void>> InstallCrds(kube::Client& client, Logger logger, CancelToken cancel) {
  for (json::Value& crd : api::AllCrds()) {
    const std::string name(json::FindString(crd, {"metadata", "name"}));
    auto installed = co_await Install(client, logger, std::move(crd), cancel);
    if (!installed) co_return Annotate(installed, "CRD {}", name);
  }
  for (const json::Value& crd : api::AllCrds()) {
    const std::string name(json::FindString(crd, {"metadata", "name"}));
    auto established = co_await AwaitEstablished(client, name, cancel);
    if (!established) co_return Annotate(established, "CRD {}", name);
  }
  co_return Result<void>{};
}

namespace {

Task<Result<void>> Install(kube::Client& client, Logger logger, json::Value crd,
                           CancelToken cancel) {
  const std::string name(json::FindString(crd, {"metadata", "name"}));
  auto live = co_await client.Get(kCrds, {{}, name}, {}, cancel);
  if (!live && !kube::IsNotFound(live.error())) co_return std::unexpected(Error(live.error()));
  if (!live) {
    auto created = co_await client.Create(kCrds, {}, std::move(crd), {}, cancel);
    // A second replica that starts with us may have been first.
    if (created || kube::IsAlreadyExists(created.error())) {
      logger.Info("CRD installed", {{"crd", name}});
      co_return Result<void>{};
    }
    co_return std::unexpected(Error(created.error()));
  }
  json::Value patch = schema::MakeCrdPatch(*live, crd);
  if (patch.get_object().empty()) co_return Result<void>{};
  auto patched =
      co_await client.Patch(kCrds, {{}, name}, kube::PatchType::kMerge, std::move(patch), {}, cancel);
  if (patched) {
    logger.Info("CRD updated", {{"crd", name}});
    co_return Result<void>{};
  }
  if (kube::IsForbidden(patched.error())) {
    logger.Warning("CRD is not up to date and may not be written",
                   {{"crd", name}, {"error", patched.error().message()}});
    co_return Result<void>{};
  }
  co_return std::unexpected(Error(patched.error()));
}

Task<Result<void>> AwaitEstablished(kube::Client& client, std::string name, CancelToken cancel) {
  const MonotonicTime deadline = client.executor().clock().Monotonic() + kLimit;
  Duration pause = kFirstLook;
  while (true) {
    auto live = co_await client.Get(kCrds, {{}, name}, {}, cancel);
    if (live && IsEstablished(*live)) co_return Result<void>{};
    if (!live && !kube::IsNotFound(live.error())) co_return std::unexpected(Error(live.error()));
    if (client.executor().clock().Monotonic() >= deadline) {
      co_return Fail(ErrorCode::kExhausted, "not established within 2m");
    }
    auto slept = co_await async::Sleep(client.executor(), pause, cancel);
    if (!slept) co_return slept;
    pause = std::min(pause * 2, kLongestPause);
  }
}

bool IsEstablished(const json::Value& crd) {
  const json::Value* conditions = json::Find(crd, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return false;
  return std::ranges::any_of(conditions->get_array(), [](const json::Value& condition) {
    return json::FindString(condition, {"type"}) == "Established" &&
           json::FindString(condition, {"status"}) == "True";
  });
}

}  // namespace
}  // namespace kro::operator_
