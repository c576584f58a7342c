#include "apiserver/controllers/revision_history.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kRevisions{"apps", "v1", "controllerrevisions"};
constexpr std::string_view kHashLabel = "controller.kubernetes.io/hash";

json::Object NewRevision(const json::Value& owner, std::int64_t number);

std::int64_t NumberOf(const json::Value& revision) { return IntAt(revision, {"revision"}); }

}  // namespace

std::vector<json::Value> EnsureRevisions(ControllerClient& client, const json::Value& owner) {
  const std::string_view name_space = StringAt(owner, {"metadata", "namespace"});
  std::vector<json::Value> revisions;
  for (const StoredPtr& stored :
       ControlledBy(client, kRevisions, name_space, StringAt(owner, {"metadata", "uid"}))) {
    revisions.push_back(client.ValueOf(kRevisions, *stored));
  }
  std::ranges::sort(revisions, {}, NumberOf);
  const std::int64_t next = revisions.empty() ? 1 : NumberOf(revisions.back()) + 1;
  json::Value wanted = NewRevision(owner, next);
  const auto same = std::ranges::find_if(revisions, [&](const json::Value& revision) {
    return *json::Find(revision, "data") == *json::Find(std::as_const(wanted), "data");
  });
  if (same == revisions.end()) {
    auto written = client.Create(kRevisions, name_space, wanted);
    if (!written) return {};
    revisions.push_back(client.ValueOf(kRevisions, *written->object));
  } else if (std::next(same) != revisions.end()) {
    json::Value newest = std::move(*same);
    revisions.erase(same);
    newest.as_object()["revision"] = next;
    auto written = client.Update(kRevisions, newest);
    if (!written) return {};
    revisions.push_back(client.ValueOf(kRevisions, *written->object));
  }
  return revisions;
}

json::Value AtRevision(json::Value owner, const json::Value& revision) {
  json::Object pod_template = ObjectAt(revision, {"data", "spec", "template"});
  pod_template.erase("$patch");
  Child(owner.as_object(), "spec")["template"] = std::move(pod_template);
  return owner;
}

void PruneRevisions(ControllerClient& client, const json::Value& owner,
                    const std::vector<json::Value>& revisions,
                    const std::set<std::string, std::less<>>& in_use) {
  std::vector<const json::Value*> unused;
  for (const json::Value& revision : revisions) {
    if (!in_use.contains(StringAt(revision, {"metadata", "name"}))) unused.push_back(&revision);
  }
  const auto surplus =
      static_cast<std::int64_t>(unused.size()) - IntAt(owner, {"spec", "revisionHistoryLimit"}, 10);
  for (std::int64_t i = 0; i < surplus; ++i) {
    const json::Value& oldest = *unused[static_cast<std::size_t>(i)];
    client.Delete(kRevisions, StringAt(oldest, {"metadata", "namespace"}),
                  StringAt(oldest, {"metadata", "name"}), StringAt(oldest, {"metadata", "uid"}));
  }
}

namespace {

json::Object NewRevision(const json::Value& owner, std::int64_t number) {
  json::Object pod_template = ObjectAt(owner, {"spec", "template"});
  const std::string hash = TemplateHash(pod_template);
  json::Object revision;
  revision["apiVersion"] = "apps/v1";
  revision["kind"] = "ControllerRevision";
  json::Object& metadata = Child(revision, "metadata");
  metadata["name"] = fmt::format("{}-{}", StringAt(owner, {"metadata", "name"}), hash);
  metadata["namespace"] = StringAt(owner, {"metadata", "namespace"});
  metadata["labels"] = ObjectAt(pod_template, {"metadata", "labels"});
  metadata["labels"].as_object()[kHashLabel] = hash;
  if (const json::Object& notes = ObjectAt(owner, {"metadata", "annotations"}); !notes.empty()) {
    metadata["annotations"] = notes;
  }
  metadata["ownerReferences"] = json::Array{ControllerReference(owner)};
  pod_template["$patch"] = "replace";
  Child(revision, {"data", "spec"})["template"] = std::move(pod_template);
  revision["revision"] = number;
  return revision;
}

}  // namespace
}  // namespace kro::apiserver
