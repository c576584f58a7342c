// Reads: which parts of the objects of nodes the expressions of a graph look at.
//
// A chain of selections with constant names is followed as far as it goes: `web.status.phase == 'Up'`
// reads status.phase, `size(web.spec.ports)` reads spec.ports, `json.marshal(web)` everything. Of a list
// of objects the same holds for its elements: `pods.all(p, p.status.ready)` reads status.ready of
// every pod.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "cel/ast.h"
#include "json/path.h"

namespace kro::graph {

// A place in the objects of a node.
struct ObjectPlace {
  std::size_t node = 0;
  json::FieldPath path;
  bool is_list = false;  // the list of all objects; then the path is empty
};

class Reads {
 public:
  // What a variable holds; nothing: no object of a node.
  using Variables = std::function<std::optional<ObjectPlace>(std::string_view)>;

  explicit Reads(std::size_t nodes) : paths_(nodes) {}

  // Notes what a checked expression reads.
  void Add(const cel::Ast& ast, const Variables& variables);

  // What is read of a node's objects; none is a prefix of another.
  std::vector<json::FieldPath> Of(std::size_t node) const;

 private:
  std::vector<std::set<json::FieldPath>> paths_;
};

// The places that a checked expression reads; may repeat.
std::vector<ObjectPlace> PlacesRead(const cel::Ast& ast, const Reads::Variables& variables);

// The place that the value of a checked expression is, if it is one without further ado.
std::optional<ObjectPlace> PlaceOf(const cel::Ast& ast, const Reads::Variables& variables);

}  // namespace kro::graph
