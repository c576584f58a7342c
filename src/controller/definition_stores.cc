#include "controller/definition_stores.h"

#include <algorithm>
#include <initializer_list>

#include "api/constants.h"
#include "controller/definition.h"

namespace kro::controller {
namespace {

constexpr std::string_view kByOwner = "owner";

kube::Projection Keep(std::initializer_list<std::initializer_list<std::string_view>> paths);
kube::Projection KeepOfCrds();
std::string OwnerOf(const kube::StoredObject& revision);

}  // namespace

DefinitionStores::DefinitionStores(kube::Client& client, const kube::Random& random)
    // A definition that is taken for alive though it is gone would get its CRD again, which nobody would remove.
    : rgds(client, kRgds, {.first_list = kube::FirstList::kNewest}, kube::Projection::Everything(),
           random),
      resource_groups(client, kResourceGroups, {.first_list = kube::FirstList::kNewest},
                      kube::Projection::Everything(), random),
      revisions(client, kGraphRevisions, {},
                Keep({{"spec", "revision"},
                      {"spec", "snapshot", "name"},
                      {"spec", "snapshot", "generation"},
                      {"status", "conditions"}}),
                random),
      crds(client, kCrds, {.label_selector = std::string(api::label::kOwned) + "=true"},
           KeepOfCrds(), random),
      all_crds(client, kCrds, {.content = kube::Content::kMetadata}, kube::Projection(), random) {
  revisions.store().AddIndex(std::string(kByOwner), [](const kube::StoredObject& revision) {
    return std::vector<std::string>{OwnerOf(revision)};
  });
}

std::vector<RevisionView> DefinitionStores::RevisionsOf(const std::string& owner) const {
  std::vector<RevisionView> views;
  for (const auto& object : revisions.store().Find(kByOwner, owner)) {
    if (RevisionView view = ViewRevision(object); view.number > 0) views.push_back(std::move(view));
  }
  std::ranges::sort(views, {}, &RevisionView::number);
  return views;
}

RevisionView ViewRevision(const kube::ObjectPtr& object) {
  RevisionView view{.name = object->key().name,
                    .owner = OwnerOf(*object),
                    .deleting = object->IsDeleting(),
                    .object = object};
  if (const auto* number = json::Find(object->value(), {"spec", "revision"});
      number != nullptr && number->is_int64()) {
    view.number = number->get_int64();
  }
  if (const auto* generation = json::Find(object->value(), {"spec", "snapshot", "generation"});
      generation != nullptr && generation->is_int64()) {
    view.generation = generation->get_int64();
  }
  const auto* conditions = json::Find(object->value(), {"status", "conditions"});
  if (conditions != nullptr && conditions->is_array()) {
    view.verified = std::ranges::any_of(conditions->get_array(), [](const json::Value& condition) {
      return json::FindString(condition, {"type"}) == api::condition::kGraphVerified &&
             json::FindString(condition, {"status"}) == "True";
    });
  }
  return view;
}

namespace {

kube::Projection Keep(std::initializer_list<std::initializer_list<std::string_view>> paths) {
  kube::Projection projection;
  for (const auto& names : paths) {
    json::FieldPath path;
    for (const std::string_view name : names) path.Push(name);
    projection.KeepPath(std::move(path));
  }
  return projection;
}

// All but the spec, so that the hash of the rest is that of the spec.
kube::Projection KeepOfCrds() {
  kube::Projection projection = Keep({{"status"}});
  projection.KeepAnnotations("");
  return projection;
}

std::string OwnerOf(const kube::StoredObject& revision) {
  return std::string(json::FindString(revision.value(), {"spec", "snapshot", "name"}));
}

}  // namespace
}  // namespace kro::controller
