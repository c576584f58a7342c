#include "graph/internal/node_programs.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/go_quote.h"
#include "graph/internal/report.h"
#include "schema/assignability.h"

namespace kro::graph {
namespace {

// Builds the programs of one node.
class NodeBuilder {
 public:
  NodeBuilder(const ResourceNode& node, NodeReferences& references, ProgramBuilder& builder,
              Node& built)
      : node_(node), references_(references), builder_(builder), built_(built) {}

  Diagnostics Run();

 private:
  void BuildDimension(std::size_t index);
  void BuildField(std::size_t index);
  void CheckField(cel::Type type, const FieldExpression& field, const Place& place);
  void BuildIncludeWhen(std::size_t index);
  void BuildReadyWhen(std::size_t index);
  // A condition is a bool, or an optional one.
  bool IsCondition(cel::Type type, std::string_view member, const Place& place);

  const ResourceNode& node_;
  NodeReferences& references_;
  ProgramBuilder& builder_;
  Node& built_;
  Diagnostics faults_;
};

// What a field of a node takes.
struct Target {
  const schema::Schema* schema;
  std::string name;        // of its type: "web.spec.ports"
  bool comparable = true;  // upstream can look at the fields of objects here
};

std::optional<Target> TargetOf(const ResourceNode& node, const json::FieldPath& path);
bool TakesBytes(const ResourceNode& node, const json::FieldPath& path);
std::string HintFor(cel::Type found, cel::Type expected);

}  // namespace

Diagnostics CheckOmit(const std::vector<ResourceNode>& nodes, const Dependencies& dependencies,
                      api::Scope instance_scope) {
  Diagnostics faults;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const ResourceNode& node = nodes[n];
    const bool needs_namespace = node.mapping.namespaced && instance_scope == api::Scope::kCluster;
    for (std::size_t i = 0; i < node.fields.size(); ++i) {
      if (!dependencies.nodes[n].fields[i].uses_omit) continue;
      const std::string path = node.fields[i].path.ToString();
      const bool required =
          path == "metadata.name" || (path == "metadata.namespace" && needs_namespace);
      if (!required) continue;
      const Place place{node.fields[i].text, Join(SourcePath(node), node.fields[i].path)};
      faults.push_back(place.Fault(
          "KRO405",
          fmt::format(
              "resource {}: omit() cannot be used at path {} — the field is required and must "
              "resolve to a concrete value",
              GoQuote(node.id), GoQuote(path)),
          fmt::format("omit() cannot be used in {}: every object needs it", path)));
    }
  }
  return faults;
}

Diagnostics BuildNodePrograms(const std::vector<ResourceNode>& nodes, Dependencies& dependencies,
                              ProgramBuilder& builder, std::vector<Node>& built) {
  Diagnostics faults;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    builder.Enter(&nodes[i]);
    Append(faults,
           Enclose(NodeBuilder(nodes[i], dependencies.nodes[i], builder, built[i]).Run(), {},
                   fmt::format("failed to validate resource {}: ", GoQuote(nodes[i].id))));
  }
  builder.Enter(nullptr);
  return faults;
}

namespace {

Diagnostics NodeBuilder::Run() {
  for (std::size_t i = 0; i < node_.iterators.size(); ++i) BuildDimension(i);
  for (std::size_t i = 0; i < node_.fields.size(); ++i) BuildField(i);
  for (std::size_t i = 0; i < node_.include_when.size(); ++i) BuildIncludeWhen(i);
  if (!node_.ready_when.empty() && node_.type == NodeType::kCollection) builder_.DeclareEach();
  for (std::size_t i = 0; i < node_.ready_when.size(); ++i) BuildReadyWhen(i);
  return std::move(faults_);
}

void NodeBuilder::BuildDimension(std::size_t index) {
  const Iterator& iterator = node_.iterators[index];
  References& read = references_.iterators[index];
  builder_.DeclareIterator(index, cel::ErrorType(), std::nullopt);
  if (!read.ast) return;
  const Place place{iterator.list,
                    ResourcePath(node_.index).Child("forEach").Child(index).Child(iterator.name)};
  const std::string prefix =
      fmt::format("node {}: forEach iterator {}: ", GoQuote(node_.id), GoQuote(iterator.name));
  if (read.uses_omit) {
    constexpr std::string_view kText = "omit() can only be used in resource template expressions";
    faults_.push_back(
        place.Fault("KRO405", fmt::format("{}{}", prefix, kText), std::string(kText)));
    return;
  }
  const auto type = builder_.Check(*read.ast, place, prefix, faults_);
  if (!type || builder_.DependsOnFault(*read.ast, read.names)) return;
  if (!type->Is(cel::TypeKind::kList)) {
    Diagnostic fault = place.Fault(
        "KRO403",
        fmt::format(
            "node {}: forEach iterator {} must return a list, got {}: type {} is not a list type",
            GoQuote(node_.id), GoQuote(iterator.name), GoQuote(type->ToString()),
            GoQuote(type->ToString())),
        fmt::format("forEach takes a list, not {}", type->ToAuthor()));
    fault.expected = "list";
    fault.found = type->ToAuthor();
    if (type->IsDyn()) fault.hint = "a list whose type is known: '${(…).map(x, x)}'";
    if (type->Is(cel::TypeKind::kMap)) fault.hint = "its keys: '${(…).map(k, k)}'";
    faults_.push_back(std::move(fault));
    return;
  }
  auto element = builder_.PlaceOf(*read.ast);
  if (element && element->is_list) {
    element->is_list = false;  // what is read of the elements shows where the iterator is used
  } else {
    element.reset();
    builder_.NoteReads(*read.ast);
  }
  builder_.DeclareIterator(index, builder_.Keep(type->element()), std::move(element));
  auto built = builder_.Build(std::move(*read.ast), read.kind, read.names, place, prefix, faults_);
  if (built) built_.dimensions.push_back({iterator.name, std::move(*built)});
}

void NodeBuilder::BuildField(std::size_t index) {
  const FieldExpression& field = node_.fields[index];
  References& read = references_.fields[index];
  if (!read.ast) return;
  const Place place{field.text, Join(SourcePath(node_), field.path)};
  const std::string prefix =
      fmt::format("failed to compile template expression {} at path {}: ", GoQuote(place.Shown()),
                  GoQuote(field.path.ToString()));
  const auto type = builder_.Check(*read.ast, place, prefix, faults_);
  if (!type || builder_.DependsOnFault(*read.ast, read.names)) return;
  CheckField(*type, field, place);
  builder_.NoteReads(*read.ast);
  auto built = builder_.Build(std::move(*read.ast), read.kind, read.names, place, prefix, faults_);
  if (built)
    built_.fields.push_back({field.path, std::move(*built), TakesBytes(node_, field.path)});
}

void NodeBuilder::CheckField(cel::Type type, const FieldExpression& field, const Place& place) {
  const auto target = TargetOf(node_, field.path);
  if (!target) return;
  const cel::Type expected = builder_.scratch().Declare(target->name, *target->schema);
  std::optional<std::string> problem;
  if (target->comparable) {
    problem = schema::WhyNotAssignable(type, expected, builder_.collections());
  } else {
    problem = schema::WhyNotAssignable(
        type,
        builder_.scratch().Declare(fmt::format("{}.@idx", ProgramBuilder::kOpaque),
                                   *target->schema),
        builder_.collections());
  }
  if (!problem) return;
  const std::string path = field.path.ToString();
  Diagnostic fault = place.Fault(
      "KRO403",
      fmt::format(
          "type mismatch in resource {} at path {}: expression {} returns type {} but expected "
          "{}: {}",
          GoQuote(node_.id), GoQuote(path), GoQuote(place.Shown()), GoQuote(type.ToString()),
          GoQuote(expected.ToString()), *problem),
      fmt::format("expected {}, got {}", expected.ToAuthor(), type.ToAuthor()));
  if (expected.ToAuthor() == type.ToAuthor() && problem->find("__type_") == std::string::npos) {
    fault.message = *problem;
  }
  fault.expected = expected.ToAuthor();
  fault.found = type.ToAuthor();
  fault.hint = HintFor(type, expected);
  faults_.push_back(std::move(fault));
}

void NodeBuilder::BuildIncludeWhen(std::size_t index) {
  References& read = references_.include_when[index];
  if (!read.ast) return;
  const Place place{node_.include_when[index],
                    ResourcePath(node_.index).Child("includeWhen").Child(index)};
  const std::string prefix = fmt::format(
      "failed to type-check includeWhen expression {} in resource {}: ", GoQuote(place.Shown()),
      GoQuote(node_.id));
  const auto type = builder_.Check(*read.ast, place, prefix, faults_);
  if (!type || builder_.DependsOnFault(*read.ast, read.names)) return;
  if (!IsCondition(*type, "includeWhen", place)) return;
  builder_.NoteReads(*read.ast);
  auto built = builder_.Build(std::move(*read.ast), read.kind, read.names, place, prefix, faults_);
  if (built) built_.include_when.push_back(std::move(*built));
}

void NodeBuilder::BuildReadyWhen(std::size_t index) {
  const TemplateString& text = node_.ready_when[index];
  if (!text.has_expressions()) return;
  const Place place{text, ResourcePath(node_.index).Child("readyWhen").Child(index)};
  const std::string_view own =
      node_.type == NodeType::kCollection ? "each" : std::string_view(node_.id);
  auto named = builder_.Parse(
      place, fmt::format("resource {} readyWhen: ", GoQuote(node_.id)),
      [&](std::string_view name) { return name == own; }, faults_);
  if (!named) return;
  const std::string prefix = fmt::format(
      "failed to type-check readyWhen expression {} in resource {}: ", GoQuote(place.Shown()),
      GoQuote(node_.id));
  const auto type = builder_.Check(named->ast, place, prefix, faults_);
  if (!type || builder_.DependsOnFault(named->ast, named->references)) return;
  if (!IsCondition(*type, "readyWhen", place)) return;
  builder_.NoteReads(named->ast);
  const auto kind = named->references.empty() ? ExpressionKind::kStatic : ExpressionKind::kDynamic;
  auto built = builder_.Build(std::move(named->ast), kind, std::move(named->references), place,
                              prefix, faults_);
  if (built) built_.ready_when.push_back(std::move(*built));
}

bool NodeBuilder::IsCondition(cel::Type type, std::string_view member, const Place& place) {
  const cel::Type plain = type.Is(cel::TypeKind::kOptional) ? type.element() : type;
  if (plain.Is(cel::TypeKind::kBool)) return true;
  Diagnostic fault = place.Fault(
      "KRO404",
      fmt::format(
          "{} expression {} in resource {} must return bool or optional_type(bool), but returns "
          "{}",
          member, GoQuote(place.Shown()), GoQuote(node_.id), GoQuote(type.ToString())),
      fmt::format("{} takes a bool, not {}", member, type.ToAuthor()));
  fault.expected = "bool";
  fault.found = type.ToAuthor();
  if (plain.IsDyn()) fault.hint = "its type is not known; compare it, for instance with '== true'";
  faults_.push_back(std::move(fault));
  return false;
}

// Walks the schema as upstream walks it, oddities included: a field without a name counts as its
// parent, and where the schema gives out anything is taken (section 11.2).
std::optional<Target> TargetOf(const ResourceNode& node, const json::FieldPath& path) {
  if (node.schema == nullptr) return std::nullopt;
  // Paths are text there, so a name with a bracket reads as something else.
  const auto reread = json::FieldPath::Parse(path.ToString());
  if (!reread) return std::nullopt;
  Target target{.schema = node.schema.get(),
                .name = node.id,
                .comparable = node.type != NodeType::kCollection};
  for (const json::PathSegment& segment : reread->segments()) {
    const schema::Schema* next = nullptr;
    const auto* name = std::get_if<std::string>(&segment);
    if (name != nullptr && name->empty()) continue;
    if (name != nullptr) next = target.schema->Find(*name);
    if (next != nullptr) {
      target.name += fmt::format(".{}", *name);
    } else if (name != nullptr && target.schema->additional != nullptr) {
      next = target.schema->additional;
      target.name += fmt::format(".{}", *name);
      target.comparable = false;  // types of map values cannot be found by the key
    } else if (target.schema->items != nullptr) {
      next = target.schema->items;
      target.name += ".@idx";
    } else {
      return std::nullopt;
    }
    target.schema = next;
  }
  return target;
}

bool TakesBytes(const ResourceNode& node, const json::FieldPath& path) {
  const auto target = TargetOf(node, path);
  if (!target) return false;
  const schema::Schema* values = target->schema->additional;
  return (values != nullptr ? values : target->schema)->format == "byte";
}

std::string HintFor(cel::Type found, cel::Type expected) {
  using cel::TypeKind;
  const bool scalar = found.Is(TypeKind::kInt) || found.Is(TypeKind::kUint) ||
                      found.Is(TypeKind::kDouble) || found.Is(TypeKind::kBool);
  switch (expected.kind()) {
    case TypeKind::kString:
      if (scalar) return "convert it: string(…)";
      if (found.Is(TypeKind::kList)) return "join it: (…).join(',')";
      if (found.Is(TypeKind::kBytes)) return "decode it: string(…)";
      return "";
    case TypeKind::kInt:
      return found.Is(TypeKind::kString) || found.Is(TypeKind::kDouble) ? "convert it: int(…)" : "";
    case TypeKind::kDouble:
      return found.Is(TypeKind::kString) || found.Is(TypeKind::kInt) ? "convert it: double(…)" : "";
    case TypeKind::kBool:
      return found.Is(TypeKind::kString) ? "compare it: (…) == 'true'" : "";
    case TypeKind::kTimestamp:
      return found.Is(TypeKind::kString) ? "convert it: timestamp(…)" : "";
    default:
      return "";
  }
}

}  // namespace
}  // namespace kro::graph
