// Discovery: which types a server serves (spec kube-client section 10).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kube/client.h"

namespace kro::kube {

// Whether objects of a type live in namespaces.
enum class ResourceScope { kNamespaced, kCluster };

struct ApiResource {
  std::string resource;  // plural, "deployments"; never a subresource
  std::string singular;
  std::string kind;
  ResourceScope scope = ResourceScope::kNamespaced;
  std::vector<std::string> verbs;
  std::vector<std::string> subresources;  // "status", "scale"
};

struct ApiVersion {
  std::string version;
  // Its server does not answer; what is known of its resources may be old or missing.
  bool stale = false;
  // Only the name is known so far: read it with ReadVersion.
  bool listed_only = false;
  std::vector<ApiResource> resources;
};

struct ApiGroup {
  std::string name;                  // empty: the core group
  std::vector<ApiVersion> versions;  // preferred first
};

// What one document of aggregated discovery (v2 or v2beta1) says. A broken item is left out.
std::vector<ApiGroup> ParseAggregatedDiscovery(const json::Value& document);

// The groups of a legacy APIVersions or APIGroupList; all versions are listed_only.
std::vector<ApiGroup> ParseLegacyGroups(const json::Value& document);

// The resources of a legacy APIResourceList.
std::vector<ApiResource> ParseResourceList(const json::Value& document);

// Reads from the server, with ETags, so that a refresh of what has not changed is nearly free.
class Discovery {
 public:
  // `client` outlives this.
  explicit Discovery(Client& client) : client_(client) {}

  // Every group. One that does not answer is marked stale and hurts no other. kUnavailable only if the
  // server itself does not answer.
  async::Task<Reply<std::vector<ApiGroup>>> ReadAll(async::CancelToken cancel);

  // One group-version afresh; IsNotFound if it is not served.
  async::Task<Reply<std::vector<ApiResource>>> ReadVersion(GroupVersion group_version,
                                                           async::CancelToken cancel);

 private:
  struct Cached {
    std::string etag;
    std::vector<ApiGroup> groups;
    bool aggregated = false;
  };

  async::Task<Reply<void>> Refresh(std::string path, Cached& cached, async::CancelToken cancel);

  Client& client_;
  Cached core_;
  Cached groups_;
};

}  // namespace kro::kube
