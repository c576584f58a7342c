#include "graph/resource_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/constants.h"
#include "api/names.h"
#include "base/go_quote.h"
#include "graph/internal/report.h"

namespace kro::graph {
namespace {

json::Value SelectorObject(const api::LabelSelector& selector);
std::string LowerCase(std::string_view text);
bool IsBlank(std::string_view text);
void CheckReserved(const api::Resource& resource, const json::Value& object,
                   std::string_view member, std::string_view singular, Diagnostics& faults);
json::FieldPath PathTo(const api::Resource& resource,
                       std::initializer_list<std::string_view> names);

}  // namespace

Diagnostics CheckFields(const api::Resource& resource) {
  Diagnostics faults;
  const auto fault = [&](std::string_view code, json::FieldPath path, std::string_view text) {
    faults.push_back(
        Problem(code, path, fmt::format("resource {}: {}", GoQuote(resource.id), text)));
  };
  if (resource.manifest.has_value() == resource.external_ref.has_value()) {
    fault("KRO205", {},
          resource.manifest ? "cannot use externalRef with template"
                            : "exactly one of template or externalRef must be provided");
  }
  if (resource.external_ref && !resource.for_each.empty()) {
    fault("KRO208", json::FieldPath().Child("forEach"), "cannot use externalRef with forEach");
  }
  return Enclose(std::move(faults), {}, "invalid combination of resource fields: ");
}

std::string_view SourceOf(const api::Resource& resource) {
  return resource.manifest ? "template" : "externalRef";
}

json::Value ObjectOf(const api::Resource& resource) {
  if (resource.manifest) return *resource.manifest;
  const api::ExternalRef& ref = *resource.external_ref;
  json::Object metadata;
  if (!ref.name.empty()) metadata["name"] = ref.name;
  if (!ref.ns.empty()) metadata["namespace"] = ref.ns;
  if (ref.selector) metadata["selector"] = SelectorObject(*ref.selector);
  return json::Object{
      {"apiVersion", ref.api_version}, {"kind", ref.kind}, {"metadata", std::move(metadata)}};
}

std::expected<api::Gvk, Diagnostics> IdentifyObject(const api::Resource& resource,
                                                    const json::Value& object) {
  Diagnostics faults;
  const auto fault = [&](std::initializer_list<std::string_view> names, std::string text) {
    faults.push_back(Problem("KRO604", PathTo(resource, names), std::move(text)));
  };
  for (const std::string_view name : {"apiVersion", "kind"}) {
    const auto* value = json::Find(object, name);
    if (value == nullptr) {
      fault({}, fmt::format("{} field not found", name));
    } else if (!value->is_string()) {
      fault({name}, fmt::format("{} field is not a string", name));
    }
  }
  if (const auto* metadata = json::Find(object, "metadata"); metadata == nullptr) {
    fault({}, "metadata field not found");
  } else if (!metadata->is_object()) {
    fault({"metadata"}, "metadata field is not a map");
  }
  if (!faults.empty()) {
    return std::unexpected(
        Enclose(std::move(faults), {},
                fmt::format("resource {} is not a valid Kubernetes object: ", resource.id)));
  }

  const std::string_view kind = json::FindString(object, {"kind"});
  auto gvk = api::ParseGvk(json::FindString(object, {"apiVersion"}), kind);
  if (!gvk) fault({"apiVersion"}, gvk.error().message());
  if (auto reasons = api::CheckDns1035Label(LowerCase(kind)); !reasons.empty()) {
    // The library that upstream's compiler links words this differently from the API server.
    std::ranges::replace(reasons, "must be no more than 63 bytes",
                         "must be no more than 63 characters");
    fault({"kind"},
          fmt::format("invalid kind {}: {} (must be a valid DNS-1035 label when lowercased)",
                      GoQuote(kind), fmt::join(reasons, ", ")));
  }
  if (!faults.empty()) {
    return std::unexpected(
        Enclose(std::move(faults), {},
                fmt::format("failed to extract GVK from resource {}: ", resource.id)));
  }
  return *gvk;
}

Diagnostics CheckMetadata(const api::Resource& resource, const json::Value& object,
                          const Mapping& mapping, api::Scope instance_scope) {
  Diagnostics faults;
  const auto* ns = json::Find(object, {"metadata", "namespace"});
  const bool selects = resource.external_ref && resource.external_ref->selector;
  if (!mapping.namespaced && ns != nullptr) {
    faults.push_back(
        Problem("KRO504", PathTo(resource, {"metadata", "namespace"}),
                fmt::format("resource {} is cluster-scoped and must not set metadata.namespace",
                            GoQuote(resource.id))));
  }
  if (mapping.namespaced && instance_scope == api::Scope::kCluster && !selects &&
      (ns == nullptr || !ns->is_string() || IsBlank(ns->get_string()))) {
    faults.push_back(
        Problem("KRO504", PathTo(resource, {"metadata"}),
                fmt::format("resource {} is namespaced and must set metadata.namespace "
                            "when the instance CRD is cluster-scoped",
                            GoQuote(resource.id))));
  }
  CheckReserved(resource, object, "labels", "label", faults);
  CheckReserved(resource, object, "annotations", "annotation", faults);
  return faults;
}

namespace {

// Empty members are left out, as upstream encodes it.
json::Value SelectorObject(const api::LabelSelector& selector) {
  json::Object object;
  if (!selector.match_labels.empty()) {
    json::Object labels;
    for (const auto& [name, value] : selector.match_labels) labels[name] = value;
    object["matchLabels"] = std::move(labels);
  }
  if (selector.match_expressions.empty()) return object;
  json::Array requirements;
  for (const api::SelectorRequirement& requirement : selector.match_expressions) {
    json::Object entry{{"key", requirement.key}, {"operator", requirement.op}};
    if (!requirement.values.empty()) {
      entry["values"] = json::Array(requirement.values.begin(), requirement.values.end());
    }
    requirements.push_back(std::move(entry));
  }
  object["matchExpressions"] = std::move(requirements);
  return object;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

void CheckReserved(const api::Resource& resource, const json::Value& object,
                   std::string_view member, std::string_view singular, Diagnostics& faults) {
  const auto* entries = json::Find(object, {"metadata", member});
  if (entries == nullptr || !entries->is_object()) return;
  std::vector<std::string_view> keys;
  for (const auto& entry : entries->get_object()) keys.push_back(entry.key());
  std::ranges::sort(keys);
  for (const std::string_view key : keys) {
    for (const std::string_view prefix : {api::kLabelPrefix, api::kInternalLabelPrefix}) {
      if (!key.starts_with(prefix)) continue;
      faults.push_back(Problem(
          "KRO604", PathTo(resource, {"metadata", member, key}),
          fmt::format("invalid {} for resource {}. {} with prefix {} are reserved for internal use",
                      singular, GoQuote(resource.id), member, GoQuote(prefix))));
    }
  }
}

json::FieldPath PathTo(const api::Resource& resource,
                       std::initializer_list<std::string_view> names) {
  json::FieldPath path = json::FieldPath().Child(SourceOf(resource));
  for (const std::string_view name : names) path.Push(name);
  return path;
}

}  // namespace
}  // namespace kro::graph
