// NodeRule: what must hold of the children of one node, whatever goes wrong (oracle.h).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "json/value.h"

namespace kro::simulation {

struct NodeRule {
  std::vector<std::string> after;  // ids of nodes that it needs
  bool optional = false;           // an instance can be ready without it
  bool several = false;            // a collection, which may be empty
  // When a child is ready: the value at a path has this text, and these expressions are true of it. None: as soon
  // as it is there.
  std::string ready_path;
  std::string ready_is;
  std::vector<std::string> ready_when;
  // The value at `copies_to` is that of the instance at `copied_from`.
  std::string copies_to;
  std::string copied_from;
};

using NodeRules = std::map<std::string, NodeRule>;  // by id

// As a reader of a definition's spec would state them, who knows nothing of graphs: a node needs those that its
// expressions name. What is read from outside has no rule.
NodeRules RulesOf(const json::Value& spec);

}  // namespace kro::simulation
