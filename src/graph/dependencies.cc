#include "graph/dependencies.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/go_quote.h"
#include "cel/inspect.h"
#include "cel/parser.h"
#include "graph/internal/place.h"
#include "graph/internal/report.h"

namespace kro::graph {
namespace {

using Names = std::vector<std::string>;

class Inference {
 public:
  Inference(const std::vector<ResourceNode>& nodes, const cel::Environment& environment,
            OmitFunction omit);

  Dependencies Run();

 private:
  void ReadNode(const ResourceNode& node);
  References Read(const ResourceNode& node, const Place& place, std::string_view prefix,
                  const Names& iterators);
  bool IsKnown(std::string_view name, const Names& iterators) const;
  void ReportUnknown(const Place& place, std::string_view prefix, const cel::UnknownName& name,
                     const ResourceNode& node);
  void CheckIdentity(const ResourceNode& node, const Names& iterators, const NodeReferences& read);
  void CheckIndependent(const ResourceNode& node, const Iterator& iterator, const Place& place,
                        const References& read, const Names& iterators);
  void AddEdge(const ResourceNode& node, const std::string& name, const Location& where);
  void RefuseCycle();
  Diagnostic& Fault(std::string_view code, const Place& place, std::string_view prefix,
                    std::string text);

  const std::vector<ResourceNode>& nodes_;
  const cel::Environment& environment_;
  OmitFunction omit_;
  std::map<std::string_view, std::size_t> vertices_;
  Dag dag_;
  std::vector<NodeReferences> read_;
  // Of the node that is being read: what it needs, each once, with the first place that says so.
  std::vector<std::pair<std::string, Location>> needs_;
  std::map<std::pair<std::size_t, std::size_t>, Location> edges_;  // where each is said
  Diagnostics faults_;
  int hints_left_ = kMaxHints;
};

Names IdsOf(const std::vector<ResourceNode>& nodes);
bool Contains(const Names& names, std::string_view name);

}  // namespace

std::string_view ToString(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kStatic:
      return "static";
    case ExpressionKind::kDynamic:
      return "dynamic";
    case ExpressionKind::kIteration:
      return "iteration";
  }
  return "";
}

Dependencies InferDependencies(const std::vector<ResourceNode>& nodes,
                               const cel::Environment& environment, OmitFunction omit) {
  return Inference(nodes, environment, omit).Run();
}

namespace {

Inference::Inference(const std::vector<ResourceNode>& nodes, const cel::Environment& environment,
                     OmitFunction omit)
    : nodes_(nodes), environment_(environment), omit_(omit), dag_(IdsOf(nodes)) {
  for (std::size_t i = 0; i < nodes.size(); ++i) vertices_.emplace(nodes[i].id, i);
}

Dependencies Inference::Run() {
  for (const ResourceNode& node : nodes_) ReadNode(node);
  RefuseCycle();
  return {std::move(read_), std::move(dag_),
          Enclose(std::move(faults_), {}, "failed to build dependency graph: ")};
}

void Inference::ReadNode(const ResourceNode& node) {
  const json::FieldPath root = ResourcePath(node.index);
  const json::FieldPath source = SourcePath(node);
  Names iterators;
  for (const Iterator& iterator : node.iterators) iterators.push_back(iterator.name);
  NodeReferences& read = read_.emplace_back();
  needs_.clear();

  for (const FieldExpression& field : node.fields) {
    read.fields.push_back(Read(node, {field.text, Join(source, field.path)},
                               "failed to extract dependencies: ", iterators));
  }
  CheckIdentity(node, iterators, read);
  for (std::size_t i = 0; i < node.iterators.size(); ++i) {
    const Iterator& iterator = node.iterators[i];
    const Place place{iterator.list, root.Child("forEach").Child(i).Child(iterator.name)};
    const std::string prefix = fmt::format(
        "failed to extract dependencies from forEach iterator {}: ", GoQuote(iterator.name));
    read.iterators.push_back(Read(node, place, prefix, iterators));
    CheckIndependent(node, iterator, place, read.iterators.back(), iterators);
  }
  for (std::size_t i = 0; i < node.include_when.size(); ++i) {
    const Place place{node.include_when[i], root.Child("includeWhen").Child(i)};
    read.include_when.push_back(
        Read(node, place, "failed to extract dependencies from includeWhen: ", {}));
  }
  for (const auto& [name, where] : needs_) AddEdge(node, name, where);
}

// Reports the faults of the first kind that the expression has, of which upstream reports the first.
References Inference::Read(const ResourceNode& node, const Place& place, std::string_view prefix,
                           const Names& iterators) {
  References read;
  if (!place.text.has_expressions()) return read;
  auto ast = cel::Parse(place.text.Lowered(), environment_.dialect());
  if (!ast) {
    Append(faults_,
           place.Faults(ast.error(),
                        fmt::format("{}failed to inspect expression: parse error: ", prefix)));
    return read;
  }
  // Asked for with no name known, it lists all of them.
  const cel::Inspection found = cel::Inspect(*ast, environment_, {});
  read.uses_omit = found.uses_omit;
  if (found.uses_omit && omit_ == OmitFunction::kDisabled) {
    Fault("KRO405", place, prefix,
          "omit() requires the CELOmitFunction feature gate to be enabled");
    return read;
  }
  for (const cel::UnknownName& name : found.unknown) {
    if (name.name != "runtime") continue;
    Fault("KRO402", place, prefix, "runtime is only available in status.conditions expressions")
        .where = place.Locate(name.span);
    return read;
  }
  Names reported;
  for (const cel::UnknownName& name : found.unknown) {
    if (IsKnown(name.name, iterators) || Contains(reported, name.name)) continue;
    if (reported.size() * place.text.source.size() > kMaxFaultTexts ||
        reported.size() == kMaxUnknownNames)
      break;
    ReportUnknown(place, prefix, name, node);
    reported.push_back(name.name);
  }
  if (!reported.empty()) return read;
  if (!found.unknown_functions.empty()) {
    std::string list;
    for (const cel::UnknownName& function : found.unknown_functions) {
      list += fmt::format("{}{{{}}}", list.empty() ? "" : " ", function.name);
    }
    for (const cel::UnknownName& function : found.unknown_functions) {
      if (reported.size() * place.text.source.size() > kMaxFaultTexts ||
          reported.size() == kMaxUnknownNames)
        break;
      // Upstream's text names all of them.
      if (!reported.empty()) list = fmt::format("{{{}}}", function.name);
      Diagnostic& fault =
          Fault("KRO402", place, prefix, fmt::format("uses unknown functions: [{}]", list));
      fault.message = fmt::format("unknown function '{}'", function.name);
      if (hints_left_-- > 0) fault.hint = Suggestion(function.name, environment_.FunctionNames());
      fault.where = place.Locate(function.span);
      reported.push_back(function.name);
    }
    return read;
  }
  for (const cel::UnknownName& name : found.unknown) {
    if (Contains(read.names, name.name)) continue;
    read.names.push_back(name.name);
    if (Contains(iterators, name.name)) {
      read.kind = ExpressionKind::kIteration;
    } else if (name.name != "schema") {
      if (read.kind == ExpressionKind::kStatic) read.kind = ExpressionKind::kDynamic;
      const bool is_new =
          std::ranges::find(needs_, name.name, &std::pair<std::string, Location>::first) ==
          needs_.end();
      if (is_new) needs_.emplace_back(name.name, place.Locate(name.span));
    }
  }
  // That `each` is no node is reported with the edges; of its type nothing more is to be said.
  if (!Contains(read.names, "each")) read.ast = std::move(*ast);
  return read;
}

bool Inference::IsKnown(std::string_view name, const Names& iterators) const {
  return name == "schema" || name == "each" || vertices_.contains(name) ||
         Contains(iterators, name);
}

void Inference::ReportUnknown(const Place& place, std::string_view prefix,
                              const cel::UnknownName& name, const ResourceNode& node) {
  Diagnostic& fault = Fault("KRO402", place, prefix,
                            fmt::format("references unknown identifiers: [{}]", name.name));
  fault.message = fmt::format("unknown name '{}'", name.name);
  fault.where = place.Locate(name.span);
  const bool is_iterator =
      std::ranges::find(node.iterators, name.name, &Iterator::name) != node.iterators.end();
  if (is_iterator) {
    fault.hint = "iterators can be used in the template only";
  } else if (hints_left_-- > 0) {
    Names candidates = IdsOf(nodes_);
    candidates.emplace_back("schema");
    fault.hint = Suggestion(name.name, candidates);
  }
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
    if (node.fields[i].text.has_expressions() && !read.fields[i].ast) return;  // reported
    std::erase_if(missing,
                  [&](const std::string& name) { return Contains(read.fields[i].names, name); });
  }
  if (missing.empty() || node.faulty) return;
  Diagnostic fault = Problem(
      "KRO503", SourcePath(node).Child("metadata").Child("name"),
      fmt::format("node {}: all forEach dimensions must be used to produce a unique resource "
                  "identity, missing: [{}]",
                  GoQuote(node.id), fmt::join(missing, " ")));
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
                  GoQuote(node.id), GoQuote(iterator.name), fmt::join(others, " ")));
  fault.where = place.Locate();
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
  const std::size_t self = static_cast<std::size_t>(&node - nodes_.data());
  if (auto added = dag_.AddEdge(self, needed->second); !added) {
    report("KRO502", added.error().message(), "a template cannot read the object that it makes");
  } else {
    edges_.emplace(std::pair(self, needed->second), where);
  }
}

void Inference::RefuseCycle() {
  const std::vector<std::size_t> cycle = dag_.FindCycle();
  if (cycle.empty()) return;
  Names names;
  for (const std::size_t vertex : cycle) names.push_back(nodes_[vertex].id);
  Diagnostic fault =
      Problem("KRO501", {}, fmt::format("graph contains a cycle: {}", fmt::join(names, " -> ")));
  fault.where = edges_.at({cycle[0], cycle[1]});
  fault.hint = "one of them has to do without another";
  for (std::size_t i = 1; i + 1 < cycle.size(); ++i) {
    fault.related.push_back({.where = edges_.at({cycle[i], cycle[i + 1]}),
                             .message = fmt::format("'{}' needs '{}'", names[i], names[i + 1])});
  }
  faults_.push_back(std::move(fault));
}

Diagnostic& Inference::Fault(std::string_view code, const Place& place, std::string_view prefix,
                             std::string text) {
  return faults_.emplace_back(place.Fault(code, fmt::format("{}{}", prefix, text), text));
}

Names IdsOf(const std::vector<ResourceNode>& nodes) {
  Names ids;
  for (const ResourceNode& node : nodes) ids.push_back(node.id);
  return ids;
}

bool Contains(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace
}  // namespace kro::graph
