// The objects that the definition and revision controllers see, each kind by one watch.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kube/backoff.h"
#include "kube/client.h"
#include "kube/informer.h"

namespace kro::controller {

// A graph revision as the store keeps it.
struct RevisionView {
  std::string name;
  std::int64_t number = 0;
  std::string owner;            // name of the definition
  std::int64_t generation = 0;  // of the definition, when it was taken
  bool deleting = false;
  bool verified = false;  // its condition GraphVerified is True
  kube::ObjectPtr object;
};

struct DefinitionStores {
  // `client` outlives the stores.
  DefinitionStores(kube::Client& client, const kube::Random& random);

  // Revisions of one definition, the lowest number first. What is no revision is left out.
  std::vector<RevisionView> RevisionsOf(const std::string& owner) const;

  std::array<kube::Informer*, 5> All() {
    return {&rgds, &resource_groups, &revisions, &crds, &all_crds};
  }

  kube::Informer rgds;
  kube::Informer resource_groups;  // may be refused: then there are none
  kube::Informer revisions;        // without their snapshots
  kube::Informer crds;             // those that kro owns; of the spec only a hash, as rest_hash()
  kube::Informer all_crds;         // names and generations only
};

RevisionView ViewRevision(const kube::ObjectPtr& object);

}  // namespace kro::controller
