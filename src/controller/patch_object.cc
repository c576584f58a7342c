#include "controller/patch_object.h"

#include <algorithm>
#include <utility>

#include "api/constants.h"
#include "controller/router.h"
#include "json/patch.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

constexpr int kStatusAttempts = 5;

json::Array FinalizersOf(const kube::StoredObject& object);
bool IsOurs(const json::Value& finalizer);

}  // namespace

bool HasFinalizer(const kube::StoredObject& object) {
  return std::ranges::any_of(FinalizersOf(object), IsOurs);
}

Task<Result<void>> PatchFinalizer(kube::Client& client, kube::Informer& informer,
                                  kube::ObjectPtr object, FinalizerChange change,
                                  CancelToken cancel) {
  json::Array finalizers = FinalizersOf(*object);
  if (change == FinalizerChange::kAdd) {
    if (std::ranges::any_of(finalizers, IsOurs)) co_return Result<void>{};
    finalizers.emplace_back(api::kFinalizer);
  } else {
    json::Array others;
    for (json::Value& finalizer : finalizers) {
      if (!IsOurs(finalizer)) others.push_back(std::move(finalizer));
    }
    if (others.size() == finalizers.size()) co_return Result<void>{};
    finalizers = std::move(others);
  }
  json::Object metadata;
  metadata["finalizers"] = std::move(finalizers);
  metadata["resourceVersion"] = object->resource_version();
  json::Object patch;
  patch["metadata"] = std::move(metadata);
  auto patched = co_await client.Patch(informer.gvr(), object->key(), kube::PatchType::kMerge,
                                       std::move(patch), {}, cancel);
  if (!patched) {
    if (change == FinalizerChange::kRemove && kube::IsNotFound(patched.error())) {
      co_return Result<void>{};
    }
    co_return Annotate(patched.error(), "finalizer of {}", object->key());
  }
  // Without its last finalizer a deleted object is gone; the watch says so.
  if (change == FinalizerChange::kAdd) informer.ObserveWrite(*patched);
  co_return Result<void>{};
}

std::optional<json::Value> MakeStatusPatch(const kube::StoredObject& object,
                                           const json::Value& wanted) {
  const json::Value* status = json::Find(object.value(), "status");
  const json::Value none = json::Object();
  json::Value difference =
      json::MakeMergePatch(status != nullptr && status->is_object() ? *status : none, wanted);
  if (!difference.is_object() || difference.get_object().empty()) return std::nullopt;
  json::Object metadata;
  metadata["uid"] = object.uid();
  metadata["resourceVersion"] = object.resource_version();
  json::Object patch;
  patch["metadata"] = std::move(metadata);
  patch["status"] = std::move(difference);
  return patch;
}

Task<Result<void>> PatchStatus(kube::Client& client, kube::Informer& informer, kube::ObjectPtr seen,
                               json::Value status, CancelToken cancel) {
  const kube::ObjectKey key = seen->key();
  for (int attempt = 1;; ++attempt) {
    const kube::ObjectPtr held = informer.store().Get(key);
    if (held == nullptr || MovedOn(*seen, *held)) co_return Result<void>{};
    auto patch = MakeStatusPatch(*held, status);
    if (!patch) co_return Result<void>{};
    const kube::WriteOptions options{.subresource = "status"};
    auto patched = co_await client.Patch(informer.gvr(), key, kube::PatchType::kMerge,
                                         std::move(*patch), options, cancel);
    if (patched) {
      informer.ObserveWrite(*patched);
      co_return Result<void>{};
    }
    // It was deleted meanwhile; nobody is left to be told.
    if (kube::IsNotFound(patched.error())) co_return Result<void>{};
    if (!kube::IsConflict(patched.error()) || attempt == kStatusAttempts) {
      co_return Annotate(patched.error(), "status of {}", key);
    }
    auto fresh = co_await client.Get(informer.gvr(), key, {}, cancel);
    if (!fresh && kube::IsNotFound(fresh.error())) co_return Result<void>{};
    if (!fresh) co_return Annotate(fresh.error(), "status of {}", key);
    informer.ObserveWrite(*fresh);
    // What was computed from another status is computed anew.
    const kube::ObjectPtr now = informer.store().Get(key);
    if (now != nullptr && StatusDiffers(*held, *now)) {
      co_return Annotate(patched.error(), "status of {}", key);
    }
  }
}

api::Timestamp TimestampOf(const Clock& clock) {
  return std::chrono::time_point_cast<std::chrono::seconds>(clock.Now());
}

namespace {

json::Array FinalizersOf(const kube::StoredObject& object) {
  const auto* finalizers = json::Find(object.value(), {"metadata", "finalizers"});
  if (finalizers == nullptr || !finalizers->is_array()) return {};
  return finalizers->get_array();
}

bool IsOurs(const json::Value& finalizer) {
  return finalizer.is_string() && std::string_view(finalizer.get_string()) == api::kFinalizer;
}

}  // namespace
}  // namespace kro::controller
