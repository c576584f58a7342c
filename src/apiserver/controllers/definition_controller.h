// DefinitionController: the life of CustomResourceDefinitions, from accepted names to the removal of the
// last instance, and what is served of them (spec kube-server section 8.1).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class DefinitionController final : public Controller {
 public:
  // `core` outlives it. `end_watches` ends the watches of a collection whose definition changed.
  DefinitionController(
      Core& core,
      std::function<void(std::string_view group, std::string_view resource)> end_watches);

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;
  bool ServesKinds() const override { return true; }

 private:
  struct Served {
    std::string group;
    std::string resource;
    std::uint64_t spec_hash = 0;
    bool listed = false;  // in the registry
  };
  // What a definition, or several of a group, have taken.
  struct Names {
    std::uint64_t revision = 0;  // of the definition when it was read
    std::string group;
    std::set<std::string, std::less<>> resources;  // plural, singular, short
    std::set<std::string, std::less<>> kinds;
  };

  // True if something was written, so that another look follows.
  // True if that was a write; likewise below.
  bool TellApproval(json::Value& definition);
  bool SettleNames(json::Value& definition);
  Names NamesOfOthers(const json::Value& definition);
  const Names& NamesOf(const StoredObject& definition);
  bool Establish(json::Value& definition);
  void Serve(const json::Value& definition);
  void StopServing(const std::string& name);
  std::optional<Duration> Finalize(json::Value& definition);

  Core& core_;
  ControllerClient client_;
  std::function<void(std::string_view, std::string_view)> end_watches_;
  std::map<std::string, Served> served_;  // by name of the definition
  std::map<std::string, Names> names_;    // the same
  std::map<std::string, std::uint64_t>
      settled_;  // the same; the revision that leaves nothing to do
};

// The resources that a definition's served versions are. kInvalid for a schema that is not structural.
Result<std::vector<ResourcePtr>> ResourcesOf(const json::Value& definition);

}  // namespace kro::apiserver
