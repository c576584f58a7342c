// InstanceTree: instances, their children and what state they are in, followed change by change.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/saved_state.h"

namespace kro::dev {

struct TreeLine {
  std::string uid;
  int depth = 0;      // 0: an instance that nothing contains
  bool last = false;  // of those below the same object
  std::string kind;   // of the resource, "deployments.apps": who shows it knows better words
  std::string group;
  std::string resource;
  std::string name;     // "default/shop"; below an instance of the same namespace "shop"
  std::string state;    // "ACTIVE", "2/2 ready", "deleting"; empty: it has none
  std::string message;  // why it is not ready

  friend bool operator==(const TreeLine&, const TreeLine&) = default;
};

class InstanceTree {
 public:
  // True if the tree looks different now. What kro does not own is passed over.
  bool Observe(const apiserver::ObjectChange& change);

  // From the top: instances by name, children in the order in which they were made.
  std::vector<TreeLine> Lines() const;

 private:
  struct Node {
    std::string parent;  // UID of the instance; empty: none
    std::string group;
    std::string resource;
    std::string name_space;
    std::string name;
    std::uint64_t born = 0;  // revision
    std::string state;
    std::string message;

    friend bool operator==(const Node&, const Node&) = default;
  };

  void AddBelow(const std::string& parent, std::string_view name_space, int depth,
                std::vector<TreeLine>& lines) const;

  std::map<std::string, Node, std::less<>> nodes_;  // by UID
};

}  // namespace kro::dev
