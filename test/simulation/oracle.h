// Oracle: what must hold of every run, whatever goes wrong. Sees each answer of the server to the operator
// and knows, from the scenario or its definitions and not from the operator, which node needs which.
//
//   - No child is made before all that its node needs is there and was ready.
//   - No child is deleted while one that needs it is there.
//   - Nothing is deleted but by the UID of an object that the operator made.
//   - observedGeneration never decreases.
//   - Ready=True stands only where every required node was seen ready, with the values of that generation.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit_log.h"
#include "scenario.h"

namespace kro::simulation {

class Oracle {
 public:
  // Asks for the object at a path: null if there is none.
  using Look = std::function<json::Value(const std::string& path)>;
  // `rules`: by definition. Without any, it reads them in the specs that revisions hold.
  Oracle(std::map<std::string, NodeRules> rules, Look look)
      : rules_(std::move(rules)), learns_(rules_.empty()), look_(std::move(look)) {}

  // Takes what was there before the operator for its own.
  void Know(const std::string& path, const json::Value& object);
  void See(const apiserver::LocalTransport::Answered& answered);

  const std::vector<std::string>& violations() const { return violations_; }

 private:
  struct Child {
    std::string path;
    json::Value object;  // as the server last answered
    bool was_ready = false;
  };
  struct Instance {
    std::string path;
    std::string definition;
  };
  using Owner = std::pair<std::string, std::string>;  // uid of the instance, id of the node

  void SeeObject(const std::string& path, const json::Value& object);
  void SeeCreated(const std::string& path, const json::Value& object);
  void SeeDeleted(const std::string& path, const http::Request& request, bool stored);
  void SeeStatus(const json::Value& object);
  // Null: the node is not of the definition, or no longer.
  const NodeRule* RuleOf(const Owner& owner) const;
  // Those of the definition that an instance is of.
  const NodeRules& RulesOfInstance(const std::string& instance) const;
  bool IsDeleting(const std::string& instance) const;
  // Those that are there now.
  std::vector<Child*> Living(const Owner& owner);
  bool IsReady(const Owner& owner, const json::Value& object) const;
  // Why a node of an instance is not ready; empty if it is.
  std::string Missing(const std::string& instance, const std::string& node);
  void Report(std::string text);

  std::map<std::string, NodeRules> rules_;  // by definition
  bool learns_;
  Look look_;
  std::map<std::string, Instance> instances_;               // by uid
  std::map<Owner, std::map<std::string, Child>> children_;  // by uid
  std::set<std::string> ours_;                              // uids
  std::map<std::string, std::int64_t> generations_;  // highest observed, by uid and condition
  std::vector<std::string> violations_;
};

}  // namespace kro::simulation
