#include "graph/dependencies.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "cel/inspect.h"
#include "cel/parser.h"
#include "graph/internal/quote.h"
#include "graph/internal/report.h"

namespace kro::graph {
namespace {

using Names = std::vector<std::string>;

// An expression, where it stands, and what upstream puts before its faults.
struct Place {
  const TemplateString& text;
  json::FieldPath path;
  std::string prefix;
};

class Inference {
 public:
  Inference(const std::vector<ResourceNode>& nodes, const cel::Environment& environment,
            OmitFunction omit);

  std::expected<Dependencies, Diagnostics> Run();

 private:
  void ReadNode(const ResourceNode& node);
  References Read(const ResourceNode& node, const Place& place, const Names& iterators);
  void ReportUnknown(const Place& place, const cel::UnknownName& name, const ResourceNode& node);
  void CheckIdentity(const ResourceNode& node, const Names& iterators, const NodeReferences& read);
  void CheckIndependent(const ResourceNode& node, const Iterator& iterator, const Place& place,
                        const References& read, const Names& iterators);
  void AddEdge(const ResourceNode& node, const std::string& name, const Location& where);
  void RefuseCycle();
  Diagnostic& Fault(std::string_view code, const Place& place, std::string text);

  const std::vector<ResourceNode>& nodes_;
  const cel::Environment& environment_;
  OmitFunction omit_;
  std::map<std::string, std::size_t, std::less<>> vertices_;
  Names known_;  // what an expression may name, iterators aside
  std::vector<NodeReferences> read_;
  Dag dag_;
  // Of the node that is being read: what it needs, each once, with the first place that says so.
  std::vector<std::pair<std::string, Location>> needs_;
  Diagnostics faults_;
};

Names IdsOf(const std::vector<ResourceNode>& nodes);
json::FieldPath SourcePath(const ResourceNode& node);
Location Locate(const Place& place, std::optional<Span> span);
bool Contains(const Names& names, std::string_view name);

}  // namespace

std::string_view ToString(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kStatic: return "static";
    case ExpressionKind::kDynamic: return "dynamic";
    case ExpressionKind::kIteration: return "iteration";
  }
  return "";
}

std::expected<Dependencies, Diagnostics> InferDependencies(const std::vector<ResourceNode>& nodes,
                                                           const cel::Environment& environment,
                                                           OmitFunction omit) {
  return Inference(nodes, environment, omit).Run();
}

namespace {

Inference::Inference(const std::vector<ResourceNode>& nodes, const cel::Environment& environment,
                     OmitFunction omit)
    : nodes_(nodes), environment_(environment), omit_(omit), known_(IdsOf(nodes)), dag_(known_) {
  for (std::size_t i = 0; i < nodes.size(); ++i) vertices_.emplace(nodes[i].id, i);
  known_.insert(known_.end(), {"schema", "each", "runtime"});
}

std::expected<Dependencies, Diagnostics> Inference::Run() {
  for (const ResourceNode& node : nodes_) ReadNode(node);
  RefuseCycle();
  if (!faults_.empty()) {
    return std::unexpected(Enclose(std::move(faults_), {}, "failed to build dependency graph: "));
  }
  return Dependencies{std::move(read_), std::move(dag_)};
}

void Inference::ReadNode(const ResourceNode& node) {
  const json::FieldPath root = ResourcePath(node.index);
  Names iterators;
  for (const Iterator& iterator : node.iterators) iterators.push_back(iterator.name);
  NodeReferences& read = read_.emplace_back();
  needs_.clear();

  for (const FieldExpression& field : node.fields) {
    json::FieldPath path = SourcePath(node);
    for (const json::PathSegment& segment : field.path.segments()) {
      std::visit([&](const auto& part) { path.Push(part); }, segment);
    }
    read.fields.push_back(
        Read(node, {field.text, std::move(path), "failed to extract dependencies: "}, iterators));
  }
  CheckIdentity(node, iterators, read);
  for (std::size_t i = 0; i < node.iterators.size(); ++i) {
    const Iterator& iterator = node.iterators[i];
    const Place place{
        iterator.list, root.Child("forEach").Child(i).Child(iterator.name),
        fmt::format("failed to extract dependencies from forEach iterator {}: ", Quote(iterator.name))};
    read.iterators.push_back(Read(node, place, iterators));
    CheckIndependent(node, iterator, place, read.iterators.back(), iterators);
  }
  for (std::size_t i = 0; i < node.include_when.size(); ++i) {
    const Place place{node.include_when[i], root.Child("includeWhen").Child(i),
                      "failed to extract dependencies from includeWhen: "};
    read.include_when.push_back(Read(node, place, {}));
  }
  for (const auto& [name, where] : needs_) AddEdge(node, name, where);
}

// Reports the first kind of fault that the expression has, as upstream does.
References Inference::Read(const ResourceNode& node, const Place& place, const Names& iterators) {
  References read;
  const auto ast = cel::Parse(place.text.Lowered(), environment_.dialect());
  if (!ast) {
    for (const Diagnostic& issue : ast.error()) {
      Diagnostic& fault = Fault(
          issue.code, place,
          fmt::format("failed to inspect expression: parse error: {}", issue.compatible));
      fault.message = issue.message;
      fault.hint = issue.hint;
      fault.where = Locate(place, issue.where.span);
    }
    return read;
  }
  Names known = known_;
  known.insert(known.end(), iterators.begin(), iterators.end());
  const cel::Inspection found = cel::Inspect(*ast, environment_, known);
  if (found.uses_omit && omit_ == OmitFunction::kDisabled) {
    Fault("KRO405", place, "omit() requires the CELOmitFunction feature gate to be enabled");
    return read;
  }
  for (const cel::Reference& reference : found.references) {
    if (reference.id != "runtime") continue;
    Fault("KRO402", place, "runtime is only available in status.conditions expressions").where =
        Locate(place, reference.span);
    return read;
  }
  if (!found.unknown.empty()) {
    ReportUnknown(place, found.unknown[0], node);
    return read;
  }
  if (!found.unknown_functions.empty()) {
    std::string list;
    for (const cel::UnknownName& function : found.unknown_functions) {
      list += fmt::format("{}{{{}}}", list.empty() ? "" : " ", function.name);
    }
    const cel::UnknownName& first = found.unknown_functions[0];
    Diagnostic& fault = Fault("KRO402", place, fmt::format("uses unknown functions: [{}]", list));
    fault.message = fmt::format("unknown function '{}'", first.name);
    fault.hint = Suggestion(first.name, environment_.FunctionNames());
    fault.where = Locate(place, first.span);
    return read;
  }
  for (const cel::Reference& reference : found.references) {
    if (Contains(read.names, reference.id)) continue;
    read.names.push_back(reference.id);
    if (Contains(iterators, reference.id)) {
      read.kind = ExpressionKind::kIteration;
    } else if (reference.id != "schema") {
      if (read.kind == ExpressionKind::kStatic) read.kind = ExpressionKind::kDynamic;
      const bool is_new = std::ranges::find(needs_, reference.id,
                                            &std::pair<std::string, Location>::first) == needs_.end();
      if (is_new) needs_.emplace_back(reference.id, Locate(place, reference.span));
    }
  }
  return read;
}

void Inference::ReportUnknown(const Place& place, const cel::UnknownName& name,
                              const ResourceNode& node) {
  Diagnostic& fault =
      Fault("KRO402", place, fmt::format("references unknown identifiers: [{}]", name.name));
  fault.message = fmt::format("unknown name '{}'", name.name);
  fault.where = Locate(place, name.span);
  const bool is_iterator =
      std::ranges::find(node.iterators, name.name, &Iterator::name) != node.iterators.end();
  Names candidates = IdsOf(nodes_);
  candidates.emplace_back("schema");
  fault.hint = is_iterator ? "iterators can be used in the template only"
                           : Suggestion(name.name, candidates);
}

// Two items of a collection must not be the same object, so every iterator shows in its name or
// namespace (section 9).
void Inference::CheckIdentity(const ResourceNode& node, const Names& iterators,
                              const NodeReferences& read) {
  Names missing = iterators;
  for (std::size_t i = 0; i < node.fields.size(); ++i) {
    const std::string path = node.fields[i].path.ToString();
    const bool identifies =
        path == "metadata.name" || (path == "metadata.namespace" && node.mapping.namespaced);
    if (!identifies) continue;
    std::erase_if(missing, [&](const std::string& name) {
      return Contains(read.fields[i].names, name);
    });
  }
  if (missing.empty()) return;
  Diagnostic fault = Problem(
      "KRO503", SourcePath(node).Child("metadata").Child("name"),
      fmt::format("node {}: all forEach dimensions must be used to produce a unique resource "
                  "identity, missing: [{}]",
                  Quote(node.id), fmt::join(missing, " ")));
  fault.hint = fmt::format("for instance '{}-${{{}}}'", node.id, missing[0]);
  faults_.push_back(std::move(fault));
}

void Inference::CheckIndependent(const ResourceNode& node, const Iterator& iterator,
                                 const Place& place, const References& read,
                                 const Names& iterators) {
  Names others;
  for (const std::string& name : read.names) {
    if (Contains(iterators, name)) others.push_back(name);
  }
  if (others.empty()) return;
  Diagnostic fault = Problem(
      "KRO206", place.path,
      fmt::format("node {}: forEach iterator {} cannot reference other iterators [{}] - forEach "
                  "iterators are independent (cartesian product)",
                  Quote(node.id), Quote(iterator.name), fmt::join(others, " ")));
  fault.where = Locate(place, std::nullopt);
  faults_.push_back(std::move(fault));
}

void Inference::AddEdge(const ResourceNode& node, const std::string& name, const Location& where) {
  const auto report = [&](std::string_view code, std::string text, std::string hint) {
    Diagnostic fault = Problem(code, {}, std::move(text));
    fault.where = where;
    fault.hint = std::move(hint);
    faults_.push_back(std::move(fault));
  };
  const auto needed = vertices_.find(name);
  if (needed == vertices_.end()) {
    return report("KRO402", fmt::format("node {} does not exist", name),
                  "'each' can be used in readyWhen of collections only");
  }
  const std::size_t self = vertices_.find(node.id)->second;
  if (auto added = dag_.AddEdge(self, needed->second); !added) {
    report("KRO502", added.error().message(), "a template cannot read the object that it makes");
  }
}

void Inference::RefuseCycle() {
  const std::vector<std::size_t> cycle = dag_.FindCycle();
  if (cycle.empty()) return;
  Names names;
  for (const std::size_t vertex : cycle) names.push_back(nodes_[vertex].id);
  Diagnostic fault = Problem("KRO501", ResourcePath(nodes_[cycle[0]].index),
                             fmt::format("graph contains a cycle: {}", fmt::join(names, " -> ")));
  for (std::size_t i = 1; i + 1 < cycle.size(); ++i) {
    fault.related.push_back({.where = {.path = ResourcePath(nodes_[cycle[i]].index).ToString()},
                             .message = fmt::format("'{}' needs '{}'", names[i], names[i + 1])});
  }
  faults_.push_back(std::move(fault));
}

Diagnostic& Inference::Fault(std::string_view code, const Place& place, std::string text) {
  Diagnostic& fault = faults_.emplace_back(Problem(code, place.path, std::move(text)));
  fault.compatible.insert(0, place.prefix);
  fault.where = Locate(place, std::nullopt);
  return fault;
}

Names IdsOf(const std::vector<ResourceNode>& nodes) {
  Names ids;
  for (const ResourceNode& node : nodes) ids.push_back(node.id);
  return ids;
}

json::FieldPath SourcePath(const ResourceNode& node) {
  const bool external =
      node.type == NodeType::kExternal || node.type == NodeType::kExternalCollection;
  return ResourcePath(node.index).Child(external ? "externalRef" : "template");
}

// `span` counts in the lowered expression; the author sees the text as it was written.
Location Locate(const Place& place, std::optional<Span> span) {
  Location where{.path = place.path.ToString()};
  if (place.text.standalone()) {
    where.expression = place.text.expressions[0].text;
    where.span = span;
    return where;
  }
  where.expression = place.text.source;
  if (span) {
    const std::size_t begin = place.text.SourceOffset(span->begin);
    const std::size_t end =
        span->end > span->begin ? place.text.SourceOffset(span->end - 1) + 1 : begin;
    where.span = Span{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }
  return where;
}

bool Contains(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace
}  // namespace kro::graph
