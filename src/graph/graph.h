// Graph: a ResourceGraphDefinition, compiled. What the runtime runs.
//
// Immutable, shared by every worker as shared_ptr<const Graph>, owned by its revision. Everything
// in it is in a fixed order: the same RGD and schemas give an equal graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "api/rgd.h"
#include "cel/program.h"
#include "cel/schema.h"
#include "graph/dependencies.h"
#include "graph/kinds.h"
#include "graph/resource_node.h"
#include "json/path.h"
#include "json/value.h"

namespace kro::graph {

// Where a variable of an expression takes its value from.
struct Input {
  enum class Source : std::uint8_t {
    kSchema,    // the instance
    kNode,      // what was observed of nodes[index]
    kIterator,  // the current element of the node's own iterators[index]
    kEach,      // the item of a collection that is asked whether it is ready
    kRuntime,   // the variable `runtime`; carries no data
  };
  Source source = Source::kSchema;
  std::size_t index = 0;
};

// A path in the objects of a node.
struct NodePath {
  std::size_t node = 0;
  json::FieldPath path;
};

struct Expression {
  std::string text;  // what was compiled; for a string of several parts the sum of them
  ExpressionKind kind = ExpressionKind::kStatic;
  std::vector<std::string> references;  // resource ids, iterators, "schema"; in order of appearance
  std::vector<Input> inputs;            // parallel to program->variables()
  std::vector<NodePath> reads;          // the longest paths that it surely looks no further up than
  // It reads what a Secret holds, or makes it: nobody who cannot read that Secret may be told its values, in an
  // error neither.
  bool confidential = false;
  std::shared_ptr<const cel::Program> program;
};

// An expression and the place that its value is written to.
struct Field {
  json::FieldPath path;
  Expression expression;
  // The place has format byte, or is a map of such: bytes are written in base64.
  bool takes_bytes = false;
};

// One dimension of a collection.
struct Dimension {
  std::string name;
  Expression list;
};

struct Node {
  std::string id;
  NodeType type = NodeType::kResource;
  api::Gvk gvk;
  Mapping mapping;
  json::Value object;  // the template, or what an externalRef describes, expressions in place
  std::vector<Field> fields;
  std::vector<Expression> include_when;
  std::vector<Expression> ready_when;
  std::vector<Dimension> dimensions;      // the first is the outermost loop
  std::vector<std::size_t> dependencies;  // numbers of nodes, each once
  int apply_order = 1;                    // the wave of its deletion: higher ones go first

  // How expressions see an object of this node, and a list of them. nullptr: as plain JSON.
  const cel::Schema* reading = nullptr;
  const cel::Schema* list_reading = nullptr;

  // The paths of its objects that some expression of the graph reads; none is a prefix of another.
  // One empty path: all of it. metadata is read always and not listed. The objects on the way to a path
  // count too, as objects: has(web.status.url) is false of an empty status, an error without one.
  std::vector<json::FieldPath> reads;

  // The paths of its objects that hold what a Secret holds: of a Secret its content, of others the fields that
  // confidential expressions write.
  std::vector<json::FieldPath> confidential;
  // Whether something confidential is at this path, above or below it.
  bool IsConfidential(const json::FieldPath& path) const;

  bool IsExternal() const {
    return type == NodeType::kExternal || type == NodeType::kExternalCollection;
  }
  bool IsList() const {
    return type == NodeType::kCollection || type == NodeType::kExternalCollection;
  }
};

struct Graph {
  std::string name;  // of the RGD

  // The instances.
  api::Gvk gvk;
  api::Gvr gvr;
  bool namespaced = true;
  const cel::Schema* schema_reading = nullptr;
  json::Value crd;  // without system labels; see schema::StampCrd

  std::vector<Node> nodes;         // in source order
  std::vector<std::size_t> order;  // dependencies first
  std::vector<Field> status;       // paths below `status`
  std::vector<Expression> conditions;
  // The nodes that status and conditions read, each once, in order of appearance.
  std::vector<std::size_t> status_dependencies;

  // Keeps alive what the pointers above point at.
  std::shared_ptr<const void> owner;

  // nullptr if there is none.
  const Node* Find(std::string_view id) const;
};

// A readable text of everything in it, the same for equal graphs; for golden files and debugging.
std::string Dump(const Graph& graph);

}  // namespace kro::graph
