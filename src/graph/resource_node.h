// ResourceNode: one resource of an RGD, read: its kind, and the expressions in it.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "api/rgd.h"
#include "base/diagnostic.h"
#include "graph/kinds.h"
#include "graph/template_string.h"
#include "graph/template_walk.h"
#include "json/value.h"

namespace kro::graph {

enum class NodeType { kResource, kCollection, kExternal, kExternalCollection };

// "ExternalCollection".
std::string_view ToString(NodeType type);

// One dimension of a collection.
struct Iterator {
  std::string name;
  TemplateString list;  // standalone
};

struct ResourceNode {
  std::string id;
  std::size_t index = 0;  // in spec.resources
  NodeType type = NodeType::kResource;
  api::Gvk gvk;
  Mapping mapping;
  json::Value object;  // with expressions in place
  std::shared_ptr<const json::Value> schema;
  std::vector<FieldExpression> fields;
  // Standalone expressions, in source order.
  std::vector<TemplateString> ready_when;
  std::vector<TemplateString> include_when;
  std::vector<Iterator> iterators;  // the first is the outermost loop
};

// Reads all resources. Names were checked. Faults are in upstream's order: members that exclude each
// other come first, for all resources, then the rest resource by resource (graph spec section 1,
// stages 4 and 5).
std::expected<std::vector<ResourceNode>, Diagnostics> ReadResources(const api::RgdSpec& spec,
                                                                   const Kinds& kinds);

}  // namespace kro::graph
