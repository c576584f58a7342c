// ResourceNode: one resource of an RGD, read: its kind, and the expressions in it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "api/rgd.h"
#include "base/diagnostic.h"
#include "graph/kinds.h"
#include "graph/template_string.h"
#include "graph/template_walk.h"
#include "json/path.h"
#include "json/value.h"

namespace kro::graph {

enum class NodeType { kResource, kCollection, kExternal, kExternalCollection };

// "ExternalCollection".
std::string_view ToString(NodeType type);

// One dimension of a collection.
struct Iterator {
  std::string name;
  TemplateString list;  // standalone; empty: faulty
};

struct ResourceNode {
  std::string id;
  std::size_t index = 0;  // in spec.resources
  NodeType type = NodeType::kResource;
  api::Gvk gvk;
  Mapping mapping;
  json::Value object;  // with expressions in place
  KindSchema schema;   // nullptr: the kind is not known
  std::vector<FieldExpression> fields;
  // Standalone expressions, in source order; empty ones are faulty.
  std::vector<TemplateString> ready_when;
  std::vector<TemplateString> include_when;
  std::vector<Iterator> iterators;  // the first is the outermost loop
  bool faulty = false;              // something of it was left out
};

// Where its template or externalRef stands in the RGD.
json::FieldPath SourcePath(const ResourceNode& node);

// What can be read of the resources of an RGD, and what is wrong with them.
struct Resources {
  std::vector<ResourceNode> nodes;  // parallel to spec.resources
  Diagnostics faults;
};

// Reads all resources. Faults are in upstream's order: members that exclude each other come first,
// for all resources, then the rest resource by resource (graph spec section 1, stages 4 and 5). What
// a fault concerns is left out of its node, or empty.
Resources ReadResources(const api::RgdSpec& spec, const Kinds& kinds);

}  // namespace kro::graph
