#include "kube/discovery.h"

#include <algorithm>
#include <functional>

#include "kube/paths.h"

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

constexpr std::string_view kAccept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

ApiVersion ParseVersion(const json::Value& value);
std::vector<std::string> Strings(const json::Value& parent, std::string_view key);
bool IsAggregated(const http::Headers& headers);
const json::Array& Items(const json::Value& parent, std::string_view key);
// Moves the versions that `is_preferred` before the others; both keep their order.
void PutFirst(std::vector<ApiVersion>& versions,
              const std::function<bool(const ApiVersion&)>& is_preferred);

}  // namespace

std::vector<ApiGroup> ParseAggregatedDiscovery(const json::Value& document) {
  std::vector<ApiGroup> groups;
  for (const json::Value& item : Items(document, "items")) {
    ApiGroup group{std::string(json::FindString(item, {"metadata", "name"})), {}};
    for (const json::Value& version : Items(item, "versions")) {
      group.versions.push_back(ParseVersion(version));
    }
    // The server's order is its preference, except for what does not answer.
    PutFirst(group.versions, [](const ApiVersion& v) { return !v.stale; });
    groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<ApiGroup> ParseLegacyGroups(const json::Value& document) {
  std::vector<ApiGroup> groups;
  if (json::FindString(document, {"kind"}) == "APIVersions") {
    ApiGroup core;
    for (std::string& version : Strings(document, "versions")) {
      core.versions.push_back({std::move(version), false, true, {}});
    }
    groups.push_back(std::move(core));
    return groups;
  }
  for (const json::Value& item : Items(document, "groups")) {
    ApiGroup group{std::string(json::FindString(item, {"name"})), {}};
    for (const json::Value& version : Items(item, "versions")) {
      group.versions.push_back(
          {std::string(json::FindString(version, {"version"})), false, true, {}});
    }
    std::string_view preferred = json::FindString(item, {"preferredVersion", "version"});
    PutFirst(group.versions, [&](const ApiVersion& v) { return v.version == preferred; });
    groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<ApiResource> ParseResourceList(const json::Value& document) {
  std::vector<ApiResource> resources;
  for (const json::Value& item : Items(document, "resources")) {
    std::string name(json::FindString(item, {"name"}));
    if (std::size_t slash = name.find('/'); slash != std::string::npos) {
      auto parent = std::ranges::find(resources, name.substr(0, slash), &ApiResource::resource);
      if (parent != resources.end()) parent->subresources.push_back(name.substr(slash + 1));
      continue;
    }
    const json::Value* namespaced = json::Find(item, "namespaced");
    // An unknown scope is never guessed.
    if (name.empty() || namespaced == nullptr || !namespaced->is_bool()) continue;
    resources.push_back({
        .resource = std::move(name),
        .singular = std::string(json::FindString(item, {"singularName"})),
        .kind = std::string(json::FindString(item, {"kind"})),
        .scope = namespaced->get_bool() ? ResourceScope::kNamespaced : ResourceScope::kCluster,
        .verbs = Strings(item, "verbs"),
        .subresources = {},
    });
  }
  return resources;
}

Task<Reply<std::vector<ApiGroup>>> Discovery::ReadAll(CancelToken cancel) {
  if (auto core = co_await Refresh("/api", core_, cancel); !core) {
    // Servers of aggregated APIs alone have no core group.
    if (!IsNotFound(core.error())) co_return std::unexpected(core.error());
    core_ = {};
  }
  if (auto groups = co_await Refresh("/apis", groups_, cancel); !groups) {
    co_return std::unexpected(groups.error());
  }
  std::vector<ApiGroup> all = core_.groups;
  all.insert(all.end(), groups_.groups.begin(), groups_.groups.end());
  for (ApiGroup& group : all) {
    for (ApiVersion& version : group.versions) {
      if (!version.listed_only) continue;
      GroupVersion wanted{group.name, version.version};
      auto resources = co_await ReadVersion(std::move(wanted), cancel);
      if (resources) {
        version.resources = std::move(*resources);
        version.listed_only = false;
        version.stale = version.resources.empty();
      } else if (resources.error().code() == ErrorCode::kCancelled) {
        co_return std::unexpected(resources.error());
      } else {
        version.stale = true;
      }
    }
  }
  co_return all;
}

Task<Reply<std::vector<ApiResource>>> Discovery::ReadVersion(GroupVersion group_version,
                                                             CancelToken cancel) {
  http::Request request;
  request.target = GroupVersionPath(group_version);
  request.headers.Set("Accept", "application/json");
  auto response = co_await client_.Send(std::move(request), {"GET", {}, {}, {}}, cancel);
  if (!response) co_return AnnotateReply(response.error(), "discovery of {}", group_version);
  auto document = json::Parse(response->body);
  if (!document)
    co_return AnnotateReply(ApiError(document.error()), "discovery of {}", group_version);
  co_return ParseResourceList(*document);
}

Task<Reply<void>> Discovery::Refresh(std::string path, Cached& cached, CancelToken cancel) {
  http::Request request;
  request.target = path;
  request.headers.Set("Accept", std::string(kAccept));
  if (!cached.etag.empty()) request.headers.Set("If-None-Match", cached.etag);
  auto response = co_await client_.Send(std::move(request), {"GET", {}, {}, {}}, cancel);
  if (!response) co_return AnnotateReply(response.error(), "discovery");
  if (response->status == 304) co_return Reply<void>{};
  auto document = json::Parse(response->body);
  if (!document) {
    co_return AnnotateReply(ApiError(Error(ErrorCode::kUnavailable, document.error().message())),
                            "discovery: {}", path);
  }
  // What was sent counts, not what was asked for.
  cached.aggregated = IsAggregated(response->headers);
  cached.groups =
      cached.aggregated ? ParseAggregatedDiscovery(*document) : ParseLegacyGroups(*document);
  const std::string* etag = response->headers.Find("ETag");
  cached.etag = etag == nullptr ? "" : *etag;
  co_return Reply<void>{};
}

namespace {

ApiVersion ParseVersion(const json::Value& value) {
  ApiVersion version{std::string(json::FindString(value, {"version"})),
                     json::FindString(value, {"freshness"}) == "Stale",
                     false,
                     {}};
  for (const json::Value& item : Items(value, "resources")) {
    std::string_view scope = json::FindString(item, {"scope"});
    ApiResource resource;
    resource.resource = json::FindString(item, {"resource"});
    resource.singular = json::FindString(item, {"singularResource"});
    // Group and version of responseKind are empty for built-in types: the enclosing ones are meant.
    resource.kind = json::FindString(item, {"responseKind", "kind"});
    resource.scope = scope == "Cluster" ? ResourceScope::kCluster : ResourceScope::kNamespaced;
    resource.verbs = Strings(item, "verbs");
    for (const json::Value& below : Items(item, "subresources")) {
      resource.subresources.emplace_back(json::FindString(below, {"subresource"}));
    }
    bool known = scope == "Cluster" || scope == "Namespaced";
    if (known && !resource.kind.empty()) version.resources.push_back(std::move(resource));
  }
  return version;
}

std::vector<std::string> Strings(const json::Value& parent, std::string_view key) {
  std::vector<std::string> strings;
  for (const json::Value& item : Items(parent, key)) {
    if (item.is_string()) strings.emplace_back(item.get_string());
  }
  return strings;
}

bool IsAggregated(const http::Headers& headers) {
  const std::string* type = headers.Find("Content-Type");
  return type != nullptr && type->find("as=APIGroupDiscoveryList") != std::string::npos &&
         type->find("g=apidiscovery.k8s.io") != std::string::npos;
}

const json::Array& Items(const json::Value& parent, std::string_view key) {
  static const json::Array kNone;
  const json::Value* value = json::Find(parent, key);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

void PutFirst(std::vector<ApiVersion>& versions,
              const std::function<bool(const ApiVersion&)>& is_preferred) {
  std::vector<ApiVersion> ordered;
  ordered.reserve(versions.size());
  for (bool preferred : {true, false}) {
    for (ApiVersion& version : versions) {
      if (!version.version.empty() && is_preferred(version) == preferred) {
        ordered.push_back(std::move(version));
        version.version.clear();
      }
    }
  }
  versions = std::move(ordered);
}

}  // namespace
}  // namespace kro::kube
