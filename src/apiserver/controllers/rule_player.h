// RulePlayer: acts by the rules of a user (rule_file.h), as the operators would that a laptop does not
// have.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "apiserver/controllers/controller.h"
#include "apiserver/rule_file.h"
#include "base/error.h"

namespace kro::apiserver {

class RulePlayer {
 public:
  // `core` outlives it. What goes wrong is told with the place of the rule, the object and the reason.
  RulePlayer(Core& core, std::function<void(std::string)> report);

  // From now on these rules hold, also for the objects that there are: to them it is as if they had been
  // created. What earlier rules were about to do is not done.
  void Play(RuleSet rules);

  void OnChange(const Collection& collection, const Change& change);

 private:
  void Consider(const Collection& collection, const Change& change);
  void Act(const Rule& rule, const std::string& group, const std::string& resource,
           const StoredPtr& object, const StoredPtr& old, ChangeType type);
  Result<void> Carry(const Rule& rule, const ResourcePtr& resource, const json::Value& object,
                     const json::Value& old);
  Result<void> Merge(const api::Gvr& gvr, const json::Value& object, const json::Value& patch,
                     std::string_view subresource);
  Result<void> Make(json::Value object, const json::Value& cause);

  Core& core_;
  ControllerClient client_;
  std::function<void(std::string)> report_;
  std::shared_ptr<const RuleSet> rules_;
  std::uint64_t generation_ = 0;
  // Rules that are about to act, by their number and the object's UID: a change while one waits does not
  // make it act twice.
  std::set<std::pair<std::size_t, std::string>> waiting_;
};

}  // namespace kro::apiserver
