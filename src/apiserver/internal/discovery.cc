#include "apiserver/internal/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/version_form.h"
#include "base/base64.h"
#include "base/hash.h"
#include "json/value.h"

namespace kro::apiserver {
namespace {

json::Array Verbs(const std::vector<Verb>& verbs);
json::Array Words(const std::vector<std::string>& words);
json::Object DescribeGroup(const ServedGroup& group);
json::Object DescribeResource(const Resource& resource);
bool HasCustom(const ServedGroup& group);
// A group in the aggregated form. Those of built-in groups are the same in all servers of a process, and made once.
std::string AggregatedGroup(const ServedGroup& group);
const std::string& AggregatedBuiltin(const ServedGroup& group);
json::Object DescribeForAggregation(const Resource& resource);
std::string StorageVersionHash(const Resource& resource);
json::Object ResponseKind(std::string_view group, std::string_view version, std::string_view kind);

}  // namespace

std::string CoreVersions() {
  return R"({"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[{"clientCIDR":"0.0.0.0/0","serverAddress":"127.0.0.1:6443"}]})";
}

std::string GroupList(const Registry& registry) {
  json::Array groups;
  for (const ServedGroup& group : registry.groups()) {
    if (!group.name.empty()) groups.push_back(DescribeGroup(group));
  }
  json::Object list;
  list["kind"] = "APIGroupList";
  list["apiVersion"] = "v1";
  list["groups"] = std::move(groups);
  return json::Serialize(list);
}

std::optional<std::string> GroupDocument(const Registry& registry, std::string_view group) {
  const ServedGroup* served = registry.FindGroup(group);
  if (served == nullptr || group.empty()) return std::nullopt;
  json::Object document;
  document["kind"] = "APIGroup";
  document["apiVersion"] = "v1";
  for (auto& member : DescribeGroup(*served)) document[member.key()] = std::move(member.value());
  return json::Serialize(document);
}

std::optional<std::string> ResourceList(const Registry& registry, std::string_view group,
                                        std::string_view version) {
  const ServedGroup* served = registry.FindGroup(group);
  if (served == nullptr) return std::nullopt;
  auto found = std::ranges::find(served->versions, version, &ServedVersion::version);
  if (found == served->versions.end()) return std::nullopt;
  json::Array resources;
  for (const ResourcePtr& resource : found->resources) {
    resources.push_back(DescribeResource(*resource));
    for (const Subresource& part : resource->subresources) {
      json::Object entry;
      entry["name"] = resource->name + "/" + part.name;
      entry["singularName"] = "";
      entry["namespaced"] = resource->namespaced();
      if (!part.kind_version.empty() && part.kind_group != resource->group) {
        entry["group"] = part.kind_group;
        entry["version"] = part.kind_version;
      }
      entry["kind"] = part.kind;
      entry["verbs"] = Verbs(part.verbs);
      resources.push_back(std::move(entry));
    }
  }
  json::Object list;
  list["kind"] = "APIResourceList";
  // That of the core group says nothing of its own version.
  if (!group.empty()) list["apiVersion"] = "v1";
  list["groupVersion"] =
      group.empty() ? std::string(version) : fmt::format("{}/{}", group, version);
  list["resources"] = std::move(resources);
  return json::Serialize(list);
}

std::string AggregatedDiscovery(const Registry& registry, Part part, std::string_view version) {
  std::string text = fmt::format(
      R"({{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/{}","metadata":{{}},"items":[)",
      version);
  bool first = true;
  for (const ServedGroup& group : registry.groups()) {
    if (group.name.empty() != (part == Part::kCore)) continue;
    if (!std::exchange(first, false)) text += ',';
    text += HasCustom(group) ? AggregatedGroup(group) : AggregatedBuiltin(group);
  }
  text += "]}";
  return text;
}

namespace {

json::Array Verbs(const std::vector<Verb>& verbs) {
  json::Array words;
  for (Verb verb : verbs) words.emplace_back(ToString(verb));
  return words;
}

json::Array Words(const std::vector<std::string>& words) {
  return json::Array(words.begin(), words.end());
}

json::Object DescribeGroup(const ServedGroup& group) {
  const auto describe = [&](const std::string& version) {
    json::Object entry;
    entry["groupVersion"] = group.name + "/" + version;
    entry["version"] = version;
    return entry;
  };
  json::Array versions;
  for (const ServedVersion& version : group.versions) versions.push_back(describe(version.version));
  json::Object description;
  description["name"] = group.name;
  description["versions"] = std::move(versions);
  description["preferredVersion"] = describe(group.versions.front().version);
  return description;
}

json::Object DescribeResource(const Resource& resource) {
  json::Object entry;
  entry["name"] = resource.name;
  entry["singularName"] = resource.singular;
  entry["namespaced"] = resource.namespaced();
  entry["kind"] = resource.kind;
  entry["verbs"] = Verbs(resource.verbs);
  if (!resource.short_names.empty()) entry["shortNames"] = Words(resource.short_names);
  if (!resource.categories.empty()) entry["categories"] = Words(resource.categories);
  if (resource.Offers(Verb::kGet)) entry["storageVersionHash"] = StorageVersionHash(resource);
  return entry;
}

bool HasCustom(const ServedGroup& group) {
  return std::ranges::any_of(group.versions, [](const ServedVersion& version) {
    return std::ranges::any_of(
        version.resources, [](const ResourcePtr& resource) { return resource->custom != nullptr; });
  });
}

const std::string& AggregatedBuiltin(const ServedGroup& group) {
  static std::mutex& mutex = *new std::mutex();
  static auto& texts = *new std::map<std::string, std::string, std::less<>>();
  const std::lock_guard lock(mutex);
  std::string& text = texts[group.name];
  if (text.empty()) text = AggregatedGroup(group);
  return text;
}

std::string AggregatedGroup(const ServedGroup& group) {
  json::Array versions;
  for (const ServedVersion& served : group.versions) {
    json::Array resources;
    for (const ResourcePtr& resource : served.resources) {
      resources.push_back(DescribeForAggregation(*resource));
    }
    json::Object entry;
    entry["version"] = served.version;
    entry["resources"] = std::move(resources);
    entry["freshness"] = "Current";
    versions.push_back(std::move(entry));
  }
  json::Object metadata;
  if (!group.name.empty()) metadata["name"] = group.name;
  json::Object item;
  item["metadata"] = std::move(metadata);
  item["versions"] = std::move(versions);
  return json::Serialize(item);
}

json::Object DescribeForAggregation(const Resource& resource) {
  json::Object entry;
  entry["resource"] = resource.name;
  // An empty group and version mean the enclosing ones.
  entry["responseKind"] = resource.custom
                              ? ResponseKind(resource.group, resource.version, resource.kind)
                              : ResponseKind("", "", resource.kind);
  entry["scope"] = resource.namespaced() ? "Namespaced" : "Cluster";
  entry["singularResource"] = resource.singular;
  entry["verbs"] = Verbs(resource.verbs);
  if (!resource.short_names.empty()) entry["shortNames"] = Words(resource.short_names);
  if (!resource.categories.empty()) entry["categories"] = Words(resource.categories);
  json::Array parts;
  for (const Subresource& part : resource.subresources) {
    json::Object description;
    description["subresource"] = part.name;
    description["responseKind"] = ResponseKind(part.kind_group, part.kind_version, part.kind);
    description["verbs"] = Verbs(part.verbs);
    parts.push_back(std::move(description));
  }
  if (!parts.empty()) entry["subresources"] = std::move(parts);
  return entry;
}

std::string StorageVersionHash(const Resource& resource) {
  std::string_view version = resource.version;
  if (resource.custom) version = resource.custom->storage_version;
  if (resource.stored_as != nullptr) version = resource.stored_as->stored.version;
  // The real server keeps these in an older version.
  static constexpr std::string_view kOlder[] = {
      "CustomResourceDefinition", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"};
  if (!resource.custom && std::ranges::find(kOlder, resource.kind) != std::end(kOlder)) {
    version = "v1beta1";
  }
  auto digest = Sha256(fmt::format("{}/{}/{}", resource.StoredGroup(), version, resource.kind));
  return EncodeBase64(AsBytes(digest).substr(0, 8));
}

json::Object ResponseKind(std::string_view group, std::string_view version, std::string_view kind) {
  json::Object response;
  response["group"] = group;
  response["version"] = version;
  response["kind"] = kind;
  return response;
}

}  // namespace
}  // namespace kro::apiserver
