#include "apiserver/internal/scale_ownership.h"

#include <algorithm>
#include <optional>
#include <string>

#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/managed_fields.h"
#include "apiserver/internal/status.h"

namespace kro::apiserver {
namespace {

using internal::FieldSet;
using internal::FieldTexts;
using internal::ManagedEntries;
using internal::ManagedEntry;

constexpr std::string_view kScaleVersion = "autoscaling/v1";
constexpr std::string_view kScaleReplicas = "spec.replicas";

// The replicas in a version of the kind: none where that has no scale; nullopt: it is not served.
std::optional<FieldSet> ReplicasAt(const Registry& registry, const Resource& resource,
                                   std::string_view api_version, FieldTexts& texts);
FieldSet One(std::string_view dotted, FieldTexts& texts);

}  // namespace

Answer<void> ShowReplicaOwners(const Registry& registry, const Resource& resource,
                               const json::Value& object, json::Value& scale) {
  FieldTexts texts;
  auto entries = internal::ReadManagedFields(object, texts);
  if (!entries) return std::unexpected(InternalErrorStatus(entries.error().message()));
  ManagedEntries owners;
  for (ManagedEntry& entry : *entries) {
    auto replicas = ReplicasAt(registry, resource, entry.api_version, texts);
    if (!replicas || replicas->empty() || !entry.fields.Contains(*replicas)) continue;
    entry.SetFields(One(kScaleReplicas, texts));
    entry.api_version = kScaleVersion;
    owners.push_back(std::move(entry));
  }
  internal::WriteManagedFields(scale, std::move(owners));
  return {};
}

Answer<void> TakeReplicaOwners(const Registry& registry, const Resource& resource,
                               const json::Value& scale, json::Value& object) {
  FieldTexts texts;
  auto owners = internal::ReadManagedFields(scale, texts);
  if (!owners) return std::unexpected(InternalErrorStatus(owners.error().message()));
  const json::Value before = object;
  auto entries = internal::ReadManagedFields(before, texts);
  if (!entries) return std::unexpected(InternalErrorStatus(entries.error().message()));
  ManagedEntries after;
  for (ManagedEntry& entry : *entries) {
    auto replicas = ReplicasAt(registry, resource, entry.api_version, texts);
    if (!replicas) continue;
    if (!replicas->empty() && entry.fields.Contains(*replicas)) {
      const auto same = [&](const ManagedEntry& owner) { return owner.IsSameManager(entry); };
      if (std::erase_if(*owners, same) == 0) entry.SetFields(entry.fields.Difference(*replicas));
    }
    if (!entry.fields.empty()) after.push_back(std::move(entry));
  }
  const std::string version = resource.ApiVersion();
  for (ManagedEntry& owner : *owners) {
    if (!owner.fields.Contains(One(kScaleReplicas, texts))) continue;
    owner.SetFields(*ReplicasAt(registry, resource, version, texts));
    owner.api_version = version;
    owner.time.clear();
    after.push_back(std::move(owner));
  }
  internal::WriteManagedFields(object, std::move(after));
  return {};
}

namespace {

std::optional<FieldSet> ReplicasAt(const Registry& registry, const Resource& resource,
                                   std::string_view api_version, FieldTexts& texts) {
  auto version = api::GroupVersion::Parse(api_version);
  if (!version) return std::nullopt;
  ResourcePtr other = registry.Find(version->group, version->version, resource.name);
  if (other == nullptr || other->StoredGroup() != resource.StoredGroup()) return std::nullopt;
  if (other->custom == nullptr) return One(kScaleReplicas, texts);
  if (!other->custom->scale) return FieldSet();
  std::string_view path = other->custom->scale->replicas;
  if (path.starts_with('.')) path.remove_prefix(1);
  return One(path, texts);
}

FieldSet One(std::string_view dotted, FieldTexts& texts) {
  return FieldSet::OfFields({std::string(dotted)}, texts);
}

}  // namespace
}  // namespace kro::apiserver
