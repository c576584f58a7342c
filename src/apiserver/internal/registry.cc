#include "apiserver/internal/registry.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <tuple>

#include "apiserver/internal/builtin_documents.h"
#include "apiserver/internal/custom_version.h"
#include "json/value.h"

namespace kro::apiserver {
namespace {

// Resources of the real server that need what this one does not have: conversion between versions of a
// built-in kind, nodes that run something, proxies.
bool IsLeftOut(std::string_view group, std::string_view version, std::string_view resource);
bool IsLeftOutSubresource(std::string_view subresource);
ResourcePtr ReadResource(std::string_view group, std::string_view version,
                         const json::Value& entry);
std::vector<Verb> ReadVerbs(const json::Value& entry);
std::vector<std::string> ReadStrings(const json::Value& entry, std::string_view key);
// Rank, major and minor of "v1beta2"; nullopt for other names.
std::optional<std::tuple<int, int, int>> ParseVersion(std::string_view version);
// What never changes is read once, and is the same for every server of a thread: many small ones cost little.
const std::vector<ServedGroup>& BuiltinGroups();
Result<std::shared_ptr<OpenApiTypes>> BuiltinTypes(const std::string& path);

}  // namespace

Registry::Registry() { LoadBuiltins(); }

const ServedGroup* Registry::FindGroup(std::string_view group) const {
  auto found = std::ranges::find(groups_, group, &ServedGroup::name);
  return found == groups_.end() ? nullptr : &*found;
}

ResourcePtr Registry::Find(std::string_view group, std::string_view version,
                           std::string_view resource) const {
  const ServedGroup* served = FindGroup(group);
  if (served == nullptr) return nullptr;
  for (const ServedVersion& candidate : served->versions) {
    if (candidate.version != version) continue;
    for (const ResourcePtr& entry : candidate.resources) {
      if (entry->name == resource) return entry;
    }
  }
  return nullptr;
}

ResourcePtr Registry::FindKind(std::string_view group, std::string_view version,
                               std::string_view kind) const {
  const ServedGroup* served = FindGroup(group);
  if (served == nullptr) return nullptr;
  for (const ServedVersion& candidate : served->versions) {
    if (candidate.version != version) continue;
    for (const ResourcePtr& entry : candidate.resources) {
      if (entry->kind == kind) return entry;
    }
  }
  return nullptr;
}

ResourcePtr Registry::FindInAnyVersion(std::string_view group, std::string_view resource) const {
  const ServedGroup* served = FindGroup(group);
  if (served == nullptr) return nullptr;
  for (const ServedVersion& candidate : served->versions) {
    for (const ResourcePtr& entry : candidate.resources) {
      if (entry->name == resource) return entry;
    }
  }
  return nullptr;
}

void Registry::SetCustom(const std::string& group, const std::string& resource,
                         std::vector<ResourcePtr> versions) {
  ++generation_;
  auto served = std::ranges::find(groups_, group, &ServedGroup::name);
  if (served == groups_.end()) {
    if (versions.empty()) return;
    // Groups of custom resources follow the built-in ones, by name.
    served = std::ranges::find_if(groups_, [&](const ServedGroup& other) {
      return !other.builtin && other.name > group;
    });
    served = groups_.insert(served, ServedGroup{group, false, {}});
  }
  for (ServedVersion& version : served->versions) {
    std::erase_if(version.resources, [&](const ResourcePtr& other) {
      return other->name == resource;
    });
  }
  for (ResourcePtr& added : versions) {
    auto version = std::ranges::find(served->versions, added->version, &ServedVersion::version);
    if (version == served->versions.end()) {
      version = std::ranges::find_if(served->versions, [&](const ServedVersion& other) {
        return ComesBefore(added->version, other.version);
      });
      version = served->versions.insert(version, ServedVersion{added->version, {}});
    }
    auto place = std::ranges::find_if(version->resources, [&](const ResourcePtr& other) {
      return other->name > added->name;
    });
    version->resources.insert(place, std::move(added));
  }
  std::erase_if(served->versions,
                [](const ServedVersion& version) { return version.resources.empty(); });
  if (served->versions.empty()) groups_.erase(served);
}

ObjectSchema Registry::StructureOf(const Resource& resource) const {
  if (resource.custom) return resource.custom->structure;
  auto structure = BuiltinStructure(resource.gvk());
  return structure ? *structure : ObjectSchema();
}

Result<ObjectSchema> Registry::BuiltinStructure(const api::Gvk& gvk) const {
  if (auto known = structures_.find(gvk); known != structures_.end()) return known->second;
  std::string path = gvk.group.empty() ? "api/v1" : "apis/" + gvk.group + "/" + gvk.version;
  auto types = types_.find(path);
  if (types == types_.end()) {
    auto read = BuiltinTypes(path);
    if (!read) return std::unexpected(std::move(read.error()));
    types = types_.emplace(path, std::move(*read)).first;
  }
  auto structure = types->second->Find(gvk);
  if (!structure) return Annotate(structure, "document '{}'", path);
  structures_.emplace(gvk, *structure);
  return *structure;
}

void Registry::LoadBuiltins() { groups_ = BuiltinGroups(); }

bool ComesBefore(std::string_view version, std::string_view other) {
  auto a = ParseVersion(version);
  auto b = ParseVersion(other);
  if (a && b) return *a > *b;
  if (a || b) return a.has_value();
  return version < other;
}

namespace {

const std::vector<ServedGroup>& BuiltinGroups() {
  thread_local const std::vector<ServedGroup> groups = [] {
    std::vector<ServedGroup> all;
    auto discovery = json::Parse(BuiltinDiscovery());
    if (!discovery) return all;  // part of the program; its test reads it
    for (const json::Value& group : json::Find(*discovery, "groups")->as_array()) {
      ServedGroup served{std::string(json::FindString(group, {"name"})), true, {}};
      for (const json::Value& version : json::Find(group, "versions")->as_array()) {
        ServedVersion one{std::string(json::FindString(version, {"version"})), {}};
        for (const json::Value& entry : json::Find(version, "resources")->as_array()) {
          if (IsLeftOut(served.name, one.version, json::FindString(entry, {"resource"}))) continue;
          one.resources.push_back(ReadResource(served.name, one.version, entry));
        }
        if (!one.resources.empty()) served.versions.push_back(std::move(one));
      }
      if (!served.versions.empty()) all.push_back(std::move(served));
    }
    return all;
  }();
  return groups;
}

Result<std::shared_ptr<OpenApiTypes>> BuiltinTypes(const std::string& path) {
  thread_local std::map<std::string, std::shared_ptr<OpenApiTypes>> known;
  if (auto found = known.find(path); found != known.end()) return found->second;
  auto document = std::ranges::find(BuiltinDocuments(), path, &BuiltinDocument::path);
  if (document == BuiltinDocuments().end()) {
    return Fail(ErrorCode::kNotFound, "no document '{}'", path);
  }
  auto text = Gunzip(document->gzip);
  if (!text) return Annotate(text, "document '{}'", path);
  auto value = json::Parse(*text);
  if (!value) return Annotate(value, "document '{}'", path);
  auto types = std::make_shared<OpenApiTypes>(
      std::make_shared<const json::Value>(std::move(*value)));
  known.emplace(path, types);
  return types;
}

bool IsLeftOut(std::string_view group, std::string_view version, std::string_view resource) {
  return (group == "autoscaling" && version == "v1") || group == "events.k8s.io" ||
         resource == "componentstatuses" || resource == "bindings";
}

bool IsLeftOutSubresource(std::string_view subresource) {
  static const std::set<std::string_view> kLeftOut = {
      "attach", "exec", "log", "portforward", "proxy", "ephemeralcontainers", "resize"};
  return kLeftOut.contains(subresource);
}

ResourcePtr ReadResource(std::string_view group, std::string_view version,
                         const json::Value& entry) {
  auto resource = std::make_shared<Resource>();
  resource->group = group;
  resource->version = version;
  resource->name = json::FindString(entry, {"resource"});
  resource->kind = json::FindString(entry, {"responseKind", "kind"});
  resource->list_kind = resource->kind + "List";
  resource->singular = json::FindString(entry, {"singularResource"});
  resource->scope = json::FindString(entry, {"scope"}) == "Namespaced" ? Scope::kNamespaced
                                                                        : Scope::kCluster;
  resource->verbs = ReadVerbs(entry);
  resource->short_names = ReadStrings(entry, "shortNames");
  resource->categories = ReadStrings(entry, "categories");
  const json::Value* subresources = json::Find(entry, "subresources");
  if (subresources == nullptr) return resource;
  for (const json::Value& item : subresources->as_array()) {
    std::string_view name = json::FindString(item, {"subresource"});
    if (IsLeftOutSubresource(name)) continue;
    resource->subresources.push_back({std::string(name),
                                      std::string(json::FindString(item, {"responseKind", "group"})),
                                      std::string(json::FindString(item, {"responseKind", "version"})),
                                      std::string(json::FindString(item, {"responseKind", "kind"})),
                                      ReadVerbs(item)});
  }
  return resource;
}

std::vector<Verb> ReadVerbs(const json::Value& entry) {
  std::vector<Verb> verbs;
  for (const std::string& word : ReadStrings(entry, "verbs")) {
    if (auto verb = ParseVerb(word)) verbs.push_back(*verb);
  }
  return verbs;
}

std::vector<std::string> ReadStrings(const json::Value& entry, std::string_view key) {
  std::vector<std::string> strings;
  const json::Value* found = json::Find(entry, key);
  if (found == nullptr || !found->is_array()) return strings;
  for (const json::Value& item : found->get_array()) {
    if (item.is_string()) strings.emplace_back(item.get_string());
  }
  return strings;
}

std::optional<std::tuple<int, int, int>> ParseVersion(std::string_view version) {
  if (!version.starts_with('v')) return std::nullopt;
  const char* end = version.data() + version.size();
  int major = 0;
  auto [rest, error] = std::from_chars(version.data() + 1, end, major);
  if (error != std::errc() || version[1] == '0') return std::nullopt;
  std::string_view stage(rest, static_cast<std::size_t>(end - rest));
  if (stage.empty()) return std::tuple(3, major, 0);
  int rank = stage.starts_with("beta") ? 2 : stage.starts_with("alpha") ? 1 : 0;
  if (rank == 0) return std::nullopt;
  stage.remove_prefix(rank == 2 ? 4 : 5);
  int minor = 0;
  auto [tail, minor_error] = std::from_chars(stage.data(), end, minor);
  if (minor_error != std::errc() || tail != end || minor < 1) return std::nullopt;
  return std::tuple(rank, major, minor);
}

}  // namespace
}  // namespace kro::apiserver
