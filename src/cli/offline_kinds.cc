#include "cli/offline_kinds.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "api/plural.h"
#include "schema/openapi.h"

namespace kro::cli {
namespace {

constexpr std::string_view kGvkMember = "x-kubernetes-group-version-kind";

api::Gvk GvkOf(const json::Value& value);
std::map<api::Gvk, graph::Mapping> MappingsOf(const json::Value& document);

}  // namespace

Result<void> OfflineKinds::AddCrd(const json::Value& crd) {
  const auto set = std::make_shared<schema::SchemaSet>();
  if (auto added = set->AddCrd(crd); !added) return added;
  kinds_.AddSchemas(set);
  const auto* spec = json::Find(crd, "spec");
  const std::string kind(json::FindString(*spec, {"names", "kind"}));
  std::string plural(json::FindString(*spec, {"names", "plural"}));
  if (plural.empty()) plural = api::Plural(kind);
  const bool namespaced = json::FindString(*spec, {"scope"}) != "Cluster";
  for (const auto& [gvk, schema] : set->kinds()) {
    kinds_.AddMapping(gvk, {{gvk.group, gvk.version, plural}, namespaced});
  }
  return {};
}

Result<void> OfflineKinds::AddDocument(const json::Value& document) {
  const auto* components = json::Find(document, {"components", "schemas"});
  if (components == nullptr || !components->is_object()) {
    return Fail(ErrorCode::kInvalid, "neither a CRD nor an OpenAPI v3 document");
  }
  const auto set = std::make_shared<schema::SchemaSet>();
  for (const auto& component : components->get_object()) {
    const auto* gvks = json::Find(component.value(), kGvkMember);
    if (gvks == nullptr || !gvks->is_array()) continue;
    for (const auto& entry : gvks->get_array()) (void)set->AddKind(document, GvkOf(entry));
  }
  if (set->kinds().empty()) return Fail(ErrorCode::kInvalid, "the OpenAPI document has no kinds");
  kinds_.AddSchemas(set);
  for (const auto& [gvk, mapping] : MappingsOf(document)) kinds_.AddMapping(gvk, mapping);
  for (const auto& [gvk, schema] : set->kinds()) {
    if (!kinds_.MappingOf(gvk)) {
      kinds_.AddMapping(gvk, {{gvk.group, gvk.version, api::Plural(gvk.kind)}, true});
    }
  }
  return {};
}

std::vector<api::Gvk> OfflineKinds::Load(const std::vector<api::Gvk>& wanted) {
  std::map<api::GroupVersion, std::vector<api::Gvk>> versions;
  for (const api::Gvk& gvk : wanted) {
    if (!kinds_.SchemaOf(gvk)) versions[gvk.group_version()].push_back(gvk);
  }
  for (const auto& [version, kinds] : versions) LoadBuiltIn(version, kinds);
  std::vector<api::Gvk> unknown;
  for (const api::Gvk& gvk : wanted) {
    if (!kinds_.SchemaOf(gvk)) unknown.push_back(gvk);
  }
  return unknown;
}

// What a built-in group-version has of these kinds, and where all of its kinds live.
bool OfflineKinds::LoadBuiltIn(const api::GroupVersion& version,
                               const std::vector<api::Gvk>& wanted) {
  const std::string root = version.group.empty()
                               ? "api/" + version.version
                               : fmt::format("apis/{}/{}", version.group, version.version);
  const auto document = Ask("/openapi/v3/" + root);
  if (!document) return false;
  const auto set = std::make_shared<schema::SchemaSet>();
  for (const api::Gvk& gvk : wanted) (void)set->AddKind(*document, gvk);
  kinds_.AddSchemas(set);
  kinds_.AddGroupVersion(version.ToString());
  for (const auto& [gvk, mapping] : MappingsOf(*document)) kinds_.AddMapping(gvk, mapping);
  // Also those that cannot be listed, where the embedded server serves the version itself.
  const auto list = Ask("/" + root);
  const auto* resources = list ? json::Find(*list, "resources") : nullptr;
  if (resources == nullptr || !resources->is_array()) return true;
  for (const auto& resource : resources->get_array()) {
    const std::string name(json::FindString(resource, {"name"}));
    if (name.find('/') != name.npos) continue;  // a subresource
    const auto* namespaced = json::Find(resource, "namespaced");
    kinds_.AddMapping(
        {version.group, version.version, std::string(json::FindString(resource, {"kind"}))},
        {{version.group, version.version, name},
         namespaced != nullptr && namespaced->is_bool() && namespaced->get_bool()});
  }
  return true;
}

std::optional<json::Value> OfflineKinds::Ask(const std::string& target) {
  if (server_ == nullptr) {
    server_ = std::make_unique<apiserver::Server>(
        clock_, apiserver::IdSource(1),
        apiserver::ServerOptions{.controllers = apiserver::Controllers::kEssential});
  }
  http::Request request;
  request.method = "GET";
  request.target = target;
  const auto reply = server_->Handle(request);
  const auto* response = std::get_if<http::Response>(&reply);
  if (response == nullptr || response->status != 200) return std::nullopt;
  auto parsed = json::Parse(response->body);
  if (!parsed) return std::nullopt;
  return *std::move(parsed);
}

namespace {

api::Gvk GvkOf(const json::Value& value) {
  return {std::string(json::FindString(value, {"group"})),
          std::string(json::FindString(value, {"version"})),
          std::string(json::FindString(value, {"kind"}))};
}

// Where kinds live, read off the paths of their lists:
// /apis/GROUP/VERSION/[namespaces/{namespace}/]RESOURCE.
std::map<api::Gvk, graph::Mapping> MappingsOf(const json::Value& document) {
  std::map<api::Gvk, graph::Mapping> mappings;
  const auto* paths = json::Find(document, "paths");
  if (paths == nullptr || !paths->is_object()) return mappings;
  for (const auto& item : paths->get_object()) {
    const auto* gvk = json::Find(item.value(), {"get", kGvkMember});
    if (gvk == nullptr ||
        json::FindString(item.value(), {"get", "x-kubernetes-action"}) != "list") {
      continue;
    }
    const std::string_view path = item.key();
    const api::Gvk kind = GvkOf(*gvk);
    const auto [mapping, added] = mappings.try_emplace(
        kind,
        graph::Mapping{{kind.group, kind.version, std::string(path.substr(path.rfind('/') + 1))},
                       false});
    // The list over all namespaces says nothing of the scope.
    if (path.find("/namespaces/{namespace}/") != path.npos) mapping->second.namespaced = true;
  }
  return mappings;
}

}  // namespace
}  // namespace kro::cli
