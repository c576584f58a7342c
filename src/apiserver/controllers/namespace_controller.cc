#include "apiserver/controllers/namespace_controller.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "apiserver/controllers/conditions.h"
#include "apiserver/internal/deletion.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kNamespaces{"", "v1", "namespaces"};
constexpr auto kRetry = std::chrono::seconds(5);

struct Left {
  std::map<std::string, int> resources;   // "configmaps." to how many
  std::map<std::string, int> finalizers;  // to how many objects
};

void SetConditions(json::Value& name_space, const Left& left, std::string_view now);
std::string Listed(const std::map<std::string, int>& counts, std::string_view unit);

}  // namespace

void NamespaceController::Observe(const Collection& collection, const Change& change,
                                  const Enqueue& enqueue) {
  if (collection.group().empty() && collection.resource() == "namespaces") {
    if (change.type != ChangeType::kDeleted) enqueue(change.object->name);
    return;
  }
  if (change.type != ChangeType::kDeleted || change.object->name_space.empty()) return;
  StoredPtr home = core_.store.Of("", "namespaces").Find("", change.object->name_space);
  if (home != nullptr && home->terminating()) enqueue(home->name);
}

std::optional<Duration> NamespaceController::Reconcile(const std::string& key) {
  auto name_space = client_.Get(kNamespaces, "", key);
  if (!name_space) return std::nullopt;
  std::string_view deleted = StringAt(*name_space, {"metadata", "deletionTimestamp"});
  if (deleted.empty()) {
    if (Includes(core_.options.controllers, Controllers::kServices)) Fill(key);
    return std::nullopt;
  }
  if (auto since = ParseTime(deleted)) {
    Duration waited = core_.clock.Now() - *since;
    if (waited < core_.options.namespace_grace) return core_.options.namespace_grace - waited;
  }
  return Empty(std::move(*name_space), key);
}

void NamespaceController::Fill(const std::string& name) {
  const auto ensure = [&](const api::Gvr& gvr, std::string_view kind, std::string_view object_name,
                          std::string_view key, std::string_view value) {
    if (core_.store.Of(gvr.group, gvr.resource).Find(name, object_name) != nullptr) return;
    json::Object object;
    object["apiVersion"] = "v1";
    object["kind"] = kind;
    json::Object& metadata = Child(object, "metadata");
    metadata["name"] = object_name;
    metadata["namespace"] = name;
    if (!key.empty()) Child(object, "data")[key] = value;
    static_cast<void>(client_.Create(gvr, name, object));
  };
  ensure({"", "v1", "serviceaccounts"}, "ServiceAccount", "default", "", "");
  ensure({"", "v1", "configmaps"}, "ConfigMap", "kube-root-ca.crt", "ca.crt", "");
}

std::optional<Duration> NamespaceController::Empty(json::Value name_space,
                                                   const std::string& name) {
  const auto delete_all = [&](const ResourcePtr& resource) {
    DeleteOptions options;
    options.propagation = "Background";
    for (const StoredPtr& object :
         client_.List({resource->group, resource->version, resource->name}, name)) {
      if (object->terminating() && !object->finalizers.empty()) continue;
      static_cast<void>(Delete(core_, *resource, object->name_space, object->name, options));
    }
  };
  // Pods first, and nothing else until they are gone.
  if (ResourcePtr pods = core_.registry.Find("", "v1", "pods")) {
    delete_all(pods);
    if (!client_.List({"", "v1", "pods"}, name).empty()) return kRetry;
  }
  Left left;
  // A copy: deleting may change what is served.
  const std::vector<ServedGroup> groups = core_.registry.groups();
  for (const ServedGroup& group : groups) {
    for (const ServedVersion& version : group.versions) {
      for (const ResourcePtr& resource : version.resources) {
        if (!resource->namespaced() || !resource->Offers(Verb::kDelete)) continue;
        // Objects of several versions count once.
        if (core_.registry.FindInAnyVersion(group.name, resource->name) != resource) continue;
        delete_all(resource);
        auto remaining = client_.List({resource->group, resource->version, resource->name}, name);
        if (remaining.empty()) continue;
        left.resources[resource->Qualified() + "."] = static_cast<int>(remaining.size());
        for (const StoredPtr& object : remaining) {
          for (const std::string& finalizer : object->finalizers) ++left.finalizers[finalizer];
        }
      }
    }
  }
  SetConditions(name_space, left, client_.Now());
  static_cast<void>(client_.Update(kNamespaces, name_space, "status"));
  if (!left.resources.empty()) return kRetry;
  auto latest = client_.Get(kNamespaces, "", name);
  if (!latest) return std::nullopt;
  json::Array kept;
  for (const json::Value& finalizer : ArrayAt(*latest, {"spec", "finalizers"})) {
    if (finalizer != "kubernetes") kept.push_back(finalizer);
  }
  Child(latest->as_object(), "spec")["finalizers"] = std::move(kept);
  static_cast<void>(client_.Update(kNamespaces, *latest, "finalize"));
  return std::nullopt;
}

namespace {

void SetConditions(json::Value& name_space, const Left& left, std::string_view now) {
  SetCondition(name_space,
               {"NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered",
                "All resources successfully discovered"},
               now);
  SetCondition(name_space,
               {"NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
                "All legacy kube types successfully parsed"},
               now);
  SetCondition(name_space,
               {"NamespaceDeletionContentFailure", "False", "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization"},
               now);
  std::string resources =
      "Some resources are remaining: " + Listed(left.resources, "resource instances");
  std::string finalizers = "Some content in the namespace has finalizers remaining: " +
                           Listed(left.finalizers, "resource instances");
  SetCondition(
      name_space,
      left.resources.empty()
          ? ConditionState{"NamespaceContentRemaining", "False", "ContentRemoved",
                           "All content successfully removed"}
          : ConditionState{"NamespaceContentRemaining", "True", "SomeResourcesRemain", resources},
      now);
  SetCondition(
      name_space,
      left.finalizers.empty()
          ? ConditionState{"NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers",
                           "All content-preserving finalizers finished"}
          : ConditionState{"NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain",
                           finalizers},
      now);
}

std::string Listed(const std::map<std::string, int>& counts, std::string_view unit) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts) {
    std::string in = unit == "resource instances" && !name.ends_with('.') ? " in" : " has";
    parts.push_back(fmt::format("{}{} {} {}", name, in, count, unit));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace
}  // namespace kro::apiserver
