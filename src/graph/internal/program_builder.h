// ProgramBuilder: types the expressions of one RGD and turns them into programs.
//
// Knows the types of `schema` and of all nodes; iterators and `each` are declared while the node that
// has them is worked on. Also collects what the expressions read.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "cel/cel.h"
#include "graph/graph.h"
#include "graph/internal/place.h"
#include "graph/internal/reads.h"
#include "graph/internal/report.h"
#include "graph/resource_node.h"
#include "schema/assignability.h"
#include "schema/cel_schema.h"

namespace kro::graph {

// An expression whose names were found to be allowed.
struct Named {
  cel::Ast ast;
  std::vector<std::string> references;  // each once, in order of appearance
};

class ProgramBuilder {
 public:
  // `instance` describes the variable `schema`; nullptr: it is faulty, and everything about it is
  // accepted, as with nodes whose kind is not known. `types` outlives the graph; the rest the builder.
  ProgramBuilder(const std::vector<ResourceNode>& nodes, const schema::Schema* instance,
                 const cel::Environment& environment, schema::CelTypes& types);

  // The expressions that follow belong to `node`; nullptr: to the instance.
  void Enter(const ResourceNode* node);

  // Declares an iterator of the node; an error type: it is faulty.
  void DeclareIterator(std::size_t index, cel::Type type, std::optional<ObjectPlace> element);
  // Declares `each`, an object of the node.
  void DeclareEach();

  // Parses an expression that may name only what `allowed` says: the checks of section 12, upstream's
  // texts after `prefix`. Nothing, with faults noted, if it names anything else.
  using Allowed = std::function<bool(std::string_view)>;
  std::optional<Named> Parse(const Place& place, std::string_view prefix, const Allowed& allowed,
                             Diagnostics& faults);

  // Finds the type of a parsed expression; nothing with faults noted.
  std::optional<cel::Type> Check(cel::Ast& ast, const Place& place, std::string_view prefix,
                                 Diagnostics& faults);

  // The program of a checked expression; nothing with a fault noted.
  std::optional<Expression> Build(cel::Ast ast, ExpressionKind kind,
                                  std::vector<std::string> references, const Place& place,
                                  std::string_view prefix, Diagnostics& faults);

  // Notes what a checked expression reads.
  void NoteReads(const cel::Ast& ast);

  // Whether a checked expression reads something faulty: its type says nothing then.
  bool DependsOnFault(const cel::Ast& ast, const std::vector<std::string>& references) const;

  // Of the names that an expression can mention: the place that it reads, if it does nothing else.
  std::optional<ObjectPlace> PlaceOf(const cel::Ast& ast) const;

  // A copy that lives as long as the builder.
  cel::Type Keep(cel::Type type) { return kept_.Copy(type); }

  // Ids of nodes that are lists, and kOpaque: what belongs to its items is never looked into.
  static constexpr std::string_view kOpaque = "@";
  const schema::Collections& collections() const { return collections_; }
  bool IsNode(std::string_view name) const { return vertices_.contains(name); }
  std::size_t NodeOf(std::string_view name) const { return vertices_.find(name)->second; }
  // For types that are only compared; they live as long as the builder.
  schema::CelTypes& scratch() { return scratch_; }

  // Of a node, or of the instance: the number after the last node.
  std::vector<json::FieldPath> ReadsOf(std::size_t node) const { return reads_.Of(node); }

 private:
  std::optional<ObjectPlace> Variable(std::string_view name) const;
  Input InputOf(std::string_view name) const;
  std::vector<std::string> Candidates() const;

  const std::vector<ResourceNode>& nodes_;
  cel::Environment environment_;
  schema::CelTypes& types_;
  schema::CelTypes scratch_;
  cel::Arena arena_;
  cel::TypeArena kept_{arena_};
  std::map<std::string_view, std::size_t> vertices_;
  schema::Collections collections_;
  Reads reads_;
  std::size_t hints_left_ = kMaxHints;
  const ResourceNode* node_ = nullptr;
  std::vector<std::optional<ObjectPlace>> elements_;  // of the node's iterators
};

bool IsListNode(const ResourceNode& node);

}  // namespace kro::graph
