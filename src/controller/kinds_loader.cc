#include "controller/kinds_loader.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "api/plural.h"
#include "async/on_pool.h"
#include "async/when_all.h"
#include "controller/definition.h"
#include "kube/paths.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

struct CrdKind {
  graph::Mapping mapping;
  std::shared_ptr<const schema::SchemaSet> schemas;
  const schema::Schema* schema = nullptr;
};

// What the CRD says of the kind; nullopt if it does not define it, or the kind is not served yet.
std::optional<CrdKind> ReadCrd(const json::Value& crd, const api::Gvk& gvk);
bool IsEstablished(const json::Value& crd);
const json::Value* FindVersion(const json::Value& crd, std::string_view name);

// The kinds of a document, as far as it has them.
struct DocumentKinds {
  std::shared_ptr<schema::SchemaSet> schemas = std::make_shared<schema::SchemaSet>();
  std::map<api::Gvk, const schema::Schema*> kinds;
};
Result<DocumentKinds> ReadDocument(const std::string& body, const std::vector<api::Gvk>& kinds);

}  // namespace

Task<Result<LoadedKinds>> KindsLoader::Load(std::vector<api::Gvk> kinds, CancelToken cancel) {
  std::map<api::GroupVersion, std::vector<api::Gvk>> versions;
  for (const api::Gvk& gvk : kinds) {
    versions[gvk.group_version()].push_back(gvk);
    metrics_.SchemaLookedUp(IsFresh(gvk) ? Metrics::Lookup::kHit : Metrics::Lookup::kMiss);
  }

  std::vector<Task<Result<void>>> loads;
  for (auto& [version, wanted] : versions) loads.push_back(LoadVersion(version, wanted, cancel));
  auto all_loaded = co_await async::WhenAll(client_.executor(), std::move(loads));
  for (auto& loaded : all_loaded) {
    if (!loaded) co_return std::unexpected(std::move(loaded.error()));
  }

  LoadedKinds result;
  std::set<api::GroupVersion> incomplete;
  for (const api::Gvk& gvk : kinds) {
    if (const auto known = known_.find(gvk); known != known_.end()) {
      result.kinds.AddMapping(gvk, known->second.mapping);
      result.kinds.AddSchema(gvk, {known->second.schemas, known->second.schema});
    } else {
      result.missing.push_back(gvk);
      incomplete.insert(gvk.group_version());
    }
  }
  for (const api::GroupVersion& version : incomplete) {
    if (auto added = co_await AddNeighbours(version, result.kinds, cancel); !added) {
      co_return std::unexpected(std::move(added.error()));
    }
  }
  co_return result;
}

void KindsLoader::Forget(const std::string& group) {
  if (IsBuiltInGroup(group)) return;
  ++forgotten_[group];
  evictions_ +=
      std::erase_if(known_, [&](const auto& entry) { return entry.first.group == group; });
  std::erase_if(documents_, [&](const auto& entry) { return entry.first.group == group; });
  mapper_.Forget(group);
}

Task<Result<void>> KindsLoader::LoadVersion(api::GroupVersion version, std::vector<api::Gvk> kinds,
                                            CancelToken cancel) {
  while (true) {
    std::erase_if(kinds, [&](const api::Gvk& gvk) { return IsFresh(gvk); });
    if (kinds.empty()) co_return Result<void>{};
    const auto other = under_way_.find(version);
    if (other == under_way_.end()) break;
    const std::shared_ptr<async::Event> done = other->second;
    metrics_.SchemaLookedUp(Metrics::Lookup::kShared);
    if (auto waited = co_await done->Wait(cancel); !waited) co_return waited;
  }
  auto done = std::make_shared<async::Event>(client_.executor(), async::EventReset::kManual);
  struct Flight {
    KindsLoader& loader;
    api::GroupVersion version;
    std::shared_ptr<async::Event> done;
    ~Flight() {
      loader.under_way_.erase(version);
      done->Set();
    }
  };
  under_way_.emplace(version, done);
  const Flight flight{*this, version, done};
  const MonotonicTime begin = client_.executor().clock().Monotonic();
  auto fetched = co_await Fetch(version, std::move(kinds), cancel);
  metrics_.SchemaFetched(client_.executor().clock().Monotonic() - begin, fetched.has_value());
  co_return fetched;
}

Task<Result<void>> KindsLoader::Fetch(api::GroupVersion version, std::vector<api::Gvk> kinds,
                                      CancelToken cancel) {
  std::vector<api::Gvk> published;
  for (const api::Gvk& gvk : kinds) {
    std::string guess;
    if (!IsBuiltInGroup(gvk.group)) {
      guess = api::Plural(gvk.kind) + "." + gvk.group;
      auto found = co_await LoadFromCrd(gvk, guess, cancel);
      if (!found) co_return std::unexpected(std::move(found.error()));
      if (*found) continue;
    }
    auto mapping = co_await mapper_.ForKind(gvk, cancel);
    if (!mapping) {
      if (mapping.error().code() == ErrorCode::kNotFound) continue;
      co_return std::unexpected(mapping.error());
    }
    // The plural is not always the usual one.
    if (const std::string name = mapping->gvr.resource + "." + gvk.group;
        !guess.empty() && name != guess) {
      auto found = co_await LoadFromCrd(gvk, name, cancel);
      if (!found) co_return std::unexpected(std::move(found.error()));
      if (*found) continue;
    }
    published.push_back(gvk);
  }
  if (published.empty()) co_return Result<void>{};
  co_return co_await LoadFromDocument(version, std::move(published), cancel);
}

Task<Result<bool>> KindsLoader::LoadFromCrd(api::Gvk gvk, std::string crd_name,
                                            CancelToken cancel) {
  std::optional<CrdKind> kind;
  // Read again if it changed meanwhile; one that never rests is taken as it was last seen.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::uint64_t before = forgotten_[gvk.group];
    auto crd = co_await ReadCrdObject(crd_name, cancel);
    if (!crd) {
      // Who may not read CRDs still finds the kind through discovery.
      if (kube::IsNotFound(crd.error()) || kube::IsForbidden(crd.error())) co_return false;
      co_return Annotate(crd.error(), "schema of {}", gvk);
    }
    const auto read = [&] { return ReadCrd(*crd, gvk); };
    kind = co_await async::OnPool(client_.executor(), read);
    if (before == forgotten_[gvk.group]) break;
  }
  if (!kind) co_return false;
  known_.insert_or_assign(gvk,
                          Known{std::move(kind->mapping), std::move(kind->schemas), kind->schema});
  co_return true;
}

Task<kube::Reply<json::Value>> KindsLoader::ReadCrdObject(std::string name, CancelToken cancel) {
  const kube::ObjectKey key{{}, name};
  const kube::ObjectPtr seen = crds_ == nullptr ? nullptr : crds_->Get(key);
  if (seen != nullptr) {
    const kube::GetOptions not_older{.resource_version = seen->resource_version()};
    auto crd = co_await client_.Get(kCrds, key, not_older, cancel);
    // The memory of this server is behind that of the one that was watched.
    const bool behind =
        !crd && (kube::IsResourceVersionTooLarge(crd.error()) || kube::IsExpired(crd.error()));
    if (!behind) co_return crd;
  }
  co_return co_await client_.Get(kCrds, key, {}, cancel);
}

Task<Result<void>> KindsLoader::LoadFromDocument(api::GroupVersion version,
                                                 std::vector<api::Gvk> kinds, CancelToken cancel) {
  // One reading serves every kind of the group-version that is in use.
  bool all_known = true;
  std::set<api::Gvk> wanted(kinds.begin(), kinds.end());
  for (const api::Gvk& gvk : kinds) all_known = all_known && known_.contains(gvk);
  for (const auto& [gvk, known] : known_) {
    if (gvk.group_version() == version) wanted.insert(gvk);
  }
  http::Request request;
  request.target = "/openapi/v3" + kube::GroupVersionPath(version);
  request.headers.Set("Accept", "application/json");
  if (all_known) request.headers.Set("If-None-Match", documents_[version].etag);
  const kube::RequestSubject subject{"GET", {}, {}, {}};
  auto response = co_await client_.Send(std::move(request), subject, cancel);
  const MonotonicTime now = client_.executor().clock().Monotonic();
  if (!response) {
    if (kube::IsNotFound(response.error())) co_return Result<void>{};
    // While the server is away what was read before is better than nothing.
    if (all_known && response.error().code() == ErrorCode::kUnavailable) co_return Result<void>{};
    co_return Annotate(response.error(), "OpenAPI of {}", version);
  }
  if (response->status == 304) {
    documents_[version].read = now;
    co_return Result<void>{};
  }
  if (response->body.empty()) co_return Result<void>{};

  const std::vector<api::Gvk> all(wanted.begin(), wanted.end());
  const auto read = [&] { return ReadDocument(response->body, all); };
  auto document = co_await async::OnPool(client_.executor(), read);
  if (!document) co_return Annotate(document, "OpenAPI of {}", version);
  for (const auto& [gvk, schema] : document->kinds) {
    auto mapping = co_await mapper_.ForKind(gvk, cancel);
    if (!mapping) continue;
    known_.insert_or_assign(
        gvk, Known{{mapping->gvr, mapping->scope == kube::ResourceScope::kNamespaced},
                   document->schemas,
                   schema});
  }
  const std::string* etag = response->headers.Find("ETag");
  documents_[version] = {etag == nullptr ? "" : *etag, now};
  co_return Result<void>{};
}

// For the words of an error: whether the group-version is served at all, and which kinds it has.
Task<Result<void>> KindsLoader::AddNeighbours(api::GroupVersion version, graph::Kinds& kinds,
                                              CancelToken cancel) {
  kube::Discovery discovery(client_);
  auto resources = co_await discovery.ReadVersion(version, cancel);
  if (!resources) {
    if (kube::IsNotFound(resources.error())) co_return Result<void>{};
    co_return std::unexpected(resources.error());
  }
  kinds.AddGroupVersion(version.ToString());
  for (const kube::ApiResource& resource : *resources) {
    const api::Gvk gvk{version.group, version.version, resource.kind};
    kinds.AddMapping(gvk, {{version.group, version.version, resource.resource},
                           resource.scope == kube::ResourceScope::kNamespaced});
  }
  co_return Result<void>{};
}

// Kinds of CRDs stay until Forget; the others until their document is due again.
bool KindsLoader::IsFresh(const api::Gvk& gvk) const {
  if (!known_.contains(gvk)) return false;
  const auto document = documents_.find(gvk.group_version());
  if (document == documents_.end()) return true;
  return client_.executor().clock().Monotonic() - document->second.read < kRevalidate;
}

std::size_t KindsLoader::Weight() const {
  std::size_t weight = 0;
  std::unordered_set<const schema::Schema*> seen;
  std::vector<const schema::Schema*> left;
  for (const auto& [gvk, known] : known_) left.push_back(known.schema);
  while (!left.empty()) {
    const schema::Schema* const node = left.back();
    left.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    weight += sizeof(*node) + node->properties.capacity() * sizeof(schema::Schema::Property) +
              node->required.capacity() * sizeof(std::string_view);
    for (const schema::Schema::Property& property : node->properties) {
      weight += property.name.size();
      left.push_back(property.schema);
    }
    left.push_back(node->items);
    left.push_back(node->additional);
  }
  return weight;
}

bool IsBuiltInGroup(std::string_view group) {
  static constexpr std::string_view kGroups[] = {"",
                                                 "admissionregistration.k8s.io",
                                                 "apiextensions.k8s.io",
                                                 "apiregistration.k8s.io",
                                                 "apps",
                                                 "authentication.k8s.io",
                                                 "authorization.k8s.io",
                                                 "autoscaling",
                                                 "batch",
                                                 "certificates.k8s.io",
                                                 "coordination.k8s.io",
                                                 "discovery.k8s.io",
                                                 "events.k8s.io",
                                                 "extensions",
                                                 "flowcontrol.apiserver.k8s.io",
                                                 "internal.apiserver.k8s.io",
                                                 "networking.k8s.io",
                                                 "node.k8s.io",
                                                 "policy",
                                                 "rbac.authorization.k8s.io",
                                                 "resource.k8s.io",
                                                 "scheduling.k8s.io",
                                                 "storage.k8s.io",
                                                 "storagemigration.k8s.io"};
  return std::ranges::find(kGroups, group) != std::end(kGroups);
}

namespace {

std::optional<CrdKind> ReadCrd(const json::Value& crd, const api::Gvk& gvk) {
  if (json::FindString(crd, {"spec", "names", "kind"}) != gvk.kind) return std::nullopt;
  if (!IsEstablished(crd)) return std::nullopt;
  const json::Value* version = FindVersion(crd, gvk.version);
  if (version == nullptr) return std::nullopt;
  const json::Value* served = json::Find(*version, "served");
  if (served == nullptr || !served->is_bool() || !served->get_bool()) return std::nullopt;

  auto schemas = std::make_shared<schema::SchemaSet>();
  if (!schemas->AddCrd(crd)) return std::nullopt;
  const schema::Schema* schema = schemas->Find(gvk);
  if (schema == nullptr) return std::nullopt;
  return CrdKind{
      .mapping = {{gvk.group, gvk.version,
                   std::string(json::FindString(crd, {"spec", "names", "plural"}))},
                  json::FindString(crd, {"spec", "scope"}) == "Namespaced"},
      .schemas = std::move(schemas),
      .schema = schema,
  };
}

bool IsEstablished(const json::Value& crd) {
  const json::Value* conditions = json::Find(crd, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return false;
  return std::ranges::any_of(conditions->get_array(), [](const json::Value& condition) {
    return json::FindString(condition, {"type"}) == "Established" &&
           json::FindString(condition, {"status"}) == "True";
  });
}

const json::Value* FindVersion(const json::Value& crd, std::string_view name) {
  const json::Value* versions = json::Find(crd, {"spec", "versions"});
  if (versions == nullptr || !versions->is_array()) return nullptr;
  for (const json::Value& version : versions->get_array()) {
    if (json::FindString(version, {"name"}) == name) return &version;
  }
  return nullptr;
}

Result<DocumentKinds> ReadDocument(const std::string& body, const std::vector<api::Gvk>& kinds) {
  auto document = json::Parse(body);
  if (!document) return Fail(ErrorCode::kUnavailable, "{}", document.error().message());
  DocumentKinds result;
  for (const api::Gvk& gvk : kinds) {
    auto schema = result.schemas->AddKind(*document, gvk);
    if (schema) result.kinds.emplace(gvk, *schema);
  }
  return result;
}

}  // namespace
}  // namespace kro::controller
