#include "apiserver/internal/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>

#include "apiserver/internal/builtin_documents.h"
#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/version_form.h"
#include "json/value.h"

namespace kro::apiserver {
namespace {

std::vector<ServedGroup> ReadBuiltins();
// What this server does not have: components of a cluster, nodes that run something, proxies.
bool IsLeftOut(std::string_view resource);
bool IsLeftOutSubresource(std::string_view subresource);
ResourcePtr ReadResource(std::string_view group, std::string_view version,
                         const json::Value& entry);
std::vector<Verb> ReadVerbs(const json::Value& entry);
std::vector<std::string> ReadStrings(const json::Value& entry, std::string_view key);
// Rank, major and minor of "v1beta2"; nullopt for other names.
std::optional<std::tuple<int, int, int>> ParseVersion(std::string_view version);

// The documents of built-in kinds. One is read when a kind of its is first asked for, which takes
// milliseconds, and then kept: it never changes.
class BuiltinTypes {
 public:
  // By any thread.
  Result<ObjectSchema> Find(const api::Gvk& gvk);

 private:
  struct Document {
    boost::json::monotonic_resource memory;
    std::unique_ptr<OpenApiTypes> types;
  };

  std::mutex mutex_;
  std::map<std::string, Document, std::less<>> documents_;  // guarded by mutex_
};

}  // namespace

Registry::Registry() {
  static const std::vector<ServedGroup>& builtins = *new std::vector<ServedGroup>(ReadBuiltins());
  groups_ = builtins;
}

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
    served = std::ranges::find_if(
        groups_, [&](const ServedGroup& other) { return !other.builtin && other.name > group; });
    served = groups_.insert(served, ServedGroup{group, false, {}});
  }
  for (ServedVersion& version : served->versions) {
    std::erase_if(version.resources,
                  [&](const ResourcePtr& other) { return other->name == resource; });
  }
  for (ResourcePtr& added : versions) {
    auto version = std::ranges::find(served->versions, added->version, &ServedVersion::version);
    if (version == served->versions.end()) {
      version = std::ranges::find_if(served->versions, [&](const ServedVersion& other) {
        return ComesBefore(added->version, other.version);
      });
      version = served->versions.insert(version, ServedVersion{added->version, {}});
    }
    auto place = std::ranges::find_if(
        version->resources, [&](const ResourcePtr& other) { return other->name > added->name; });
    version->resources.insert(place, std::move(added));
  }
  std::erase_if(served->versions,
                [](const ServedVersion& version) { return version.resources.empty(); });
  if (served->versions.empty()) groups_.erase(served);
}

const ObjectSchema& Registry::StructureOf(const Resource& resource) const {
  if (resource.custom) return resource.custom->structure;
  auto [known, is_new] = structures_.try_emplace(&resource);
  if (is_new) {
    if (auto structure = BuiltinStructure(resource.gvk())) known->second = *std::move(structure);
  }
  return known->second;
}

Result<ObjectSchema> Registry::BuiltinStructure(const api::Gvk& gvk) const {
  static BuiltinTypes& types = *new BuiltinTypes();
  return types.Find(gvk);
}

bool ComesBefore(std::string_view version, std::string_view other) {
  auto a = ParseVersion(version);
  auto b = ParseVersion(other);
  if (a && b) return *a > *b;
  if (a || b) return a.has_value();
  return version < other;
}

namespace {

// What only subresources speak is described where they are.
std::string DocumentOf(const api::Gvk& gvk) {
  if (gvk.group.empty() || gvk.kind == "Eviction" || gvk.kind == "TokenRequest") return "api/v1";
  if (gvk.kind == "Scale") return "apis/apps/v1";
  return fmt::format("apis/{}/{}", gvk.group, gvk.version);
}

Result<ObjectSchema> BuiltinTypes::Find(const api::Gvk& gvk) {
  const std::string path = DocumentOf(gvk);
  const std::lock_guard lock(mutex_);
  Document& document = documents_[path];
  if (document.types == nullptr) {
    auto packed = std::ranges::find(BuiltinDocuments(), path, &BuiltinDocument::path);
    if (packed == BuiltinDocuments().end()) {
      return Fail(ErrorCode::kNotFound, "no document '{}'", path);
    }
    auto text = Gunzip(packed->gzip);
    if (!text) return Annotate(text, "document '{}'", path);
    auto value = json::Parse(*text, &document.memory);
    if (!value) return Annotate(value, "document '{}'", path);
    document.types =
        std::make_unique<OpenApiTypes>(std::make_shared<const json::Value>(std::move(*value)));
  }
  auto structure = document.types->Find(gvk);
  if (!structure) return Annotate(structure, "document '{}'", path);
  return structure;
}

std::vector<ServedGroup> ReadBuiltins() {
  std::vector<ServedGroup> groups;
  auto discovery = json::Parse(BuiltinDiscovery());
  if (!discovery) return groups;  // part of the program; its test reads it
  for (const json::Value& group : json::Find(*discovery, "groups")->as_array()) {
    ServedGroup served{std::string(json::FindString(group, {"name"})), true, {}};
    for (const json::Value& version : json::Find(group, "versions")->as_array()) {
      ServedVersion one{std::string(json::FindString(version, {"version"})), {}};
      for (const json::Value& entry : json::Find(version, "resources")->as_array()) {
        if (IsLeftOut(json::FindString(entry, {"resource"}))) continue;
        one.resources.push_back(ReadResource(served.name, one.version, entry));
      }
      if (!one.resources.empty()) served.versions.push_back(std::move(one));
    }
    if (!served.versions.empty()) groups.push_back(std::move(served));
  }
  return groups;
}

bool IsLeftOut(std::string_view resource) {
  return resource == "componentstatuses" || resource == "bindings";
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
  resource->scope =
      json::FindString(entry, {"scope"}) == "Namespaced" ? Scope::kNamespaced : Scope::kCluster;
  resource->stored_as = FormOfVersion(group, version, resource->name);
  resource->verbs = ReadVerbs(entry);
  resource->short_names = ReadStrings(entry, "shortNames");
  resource->categories = ReadStrings(entry, "categories");
  const json::Value* subresources = json::Find(entry, "subresources");
  if (subresources == nullptr) return resource;
  for (const json::Value& item : subresources->as_array()) {
    std::string_view name = json::FindString(item, {"subresource"});
    if (IsLeftOutSubresource(name)) continue;
    resource->subresources.push_back(
        {std::string(name), std::string(json::FindString(item, {"responseKind", "group"})),
         std::string(json::FindString(item, {"responseKind", "version"})),
         std::string(json::FindString(item, {"responseKind", "kind"})), ReadVerbs(item)});
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
