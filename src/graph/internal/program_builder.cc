#include "graph/internal/program_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "graph/internal/children.h"
#include "graph/internal/report.h"

namespace kro::graph {
namespace {

bool IsOwnName(std::string_view name) {
  return name == "schema" || name == "runtime" || name == "each";
}

// Whether a part of it is a field whose declaration is faulty.
bool HoldsFault(const cel::Expr& expr) {
  if (expr.type.IsError()) return true;
  bool holds = false;
  ForEachChild(expr, [&](const cel::Expr& part) { holds = holds || HoldsFault(part); });
  return holds;
}

}  // namespace

bool IsListNode(const ResourceNode& node) {
  return node.type == NodeType::kCollection || node.type == NodeType::kExternalCollection;
}

ProgramBuilder::ProgramBuilder(const std::vector<ResourceNode>& nodes,
                               const schema::Schema* instance, const cel::Environment& environment,
                               schema::CelTypes& types)
    : nodes_(nodes), environment_(environment), types_(types), reads_(nodes.size() + 1) {
  collections_.emplace(kOpaque);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ResourceNode& node = nodes[i];
    if (IsOwnName(node.id) || !vertices_.emplace(node.id, i).second) continue;
    cel::Type type = cel::ErrorType();
    if (node.schema != nullptr) {
      type = IsListNode(node) ? types.DeclareList(node.id, *node.schema)
                              : types.Declare(node.id, *node.schema);
    }
    if (IsListNode(node)) collections_.insert(node.id);
    environment_.AddVariable(node.id, type);
  }
  environment_.AddVariable(
      "schema", instance == nullptr ? cel::ErrorType() : types.Declare("schema", *instance));
}

void ProgramBuilder::Enter(const ResourceNode* node) {
  node_ = node;
  elements_.clear();
  if (node != nullptr) elements_.resize(node->iterators.size());
}

void ProgramBuilder::DeclareIterator(std::size_t index, cel::Type type,
                                     std::optional<ObjectPlace> element) {
  environment_.AddVariable(node_->iterators[index].name, type);
  elements_[index] = std::move(element);
}

void ProgramBuilder::DeclareEach() {
  environment_.AddVariable(
      "each", node_->schema != nullptr ? types_.Declare("each", *node_->schema) : cel::ErrorType());
}

std::optional<Named> ProgramBuilder::Parse(const Place& place, std::string_view prefix,
                                           const Allowed& allowed, Diagnostics& faults) {
  auto ast = cel::Parse(place.text.Lowered(), environment_.dialect());
  if (!ast) {
    Append(faults, place.Faults(ast.error(), fmt::format("{}parse error: ", prefix)));
    return std::nullopt;
  }
  // Asked for with no name known, it lists all of them.
  const cel::Inspection found = cel::Inspect(*ast, environment_, {});
  const cel::UnknownName* disallowed = nullptr;
  std::vector<const cel::UnknownName*> unknown;
  Named named;
  for (const cel::UnknownName& name : found.unknown) {
    if (allowed(name.name)) {
      if (std::ranges::find(named.references, name.name) == named.references.end()) {
        named.references.push_back(name.name);
      }
    } else if (IsOwnName(name.name) || IsNode(name.name)) {
      if (disallowed == nullptr) disallowed = &name;
    } else {
      unknown.push_back(&name);
    }
  }
  const auto refuse = [&](std::string_view code, const std::string& text, std::string message,
                          std::optional<Span> span) -> Diagnostic& {
    Diagnostic fault = place.Fault(code, fmt::format("{}{}", prefix, text), std::move(message));
    fault.where = place.Locate(span);
    return faults.emplace_back(std::move(fault));
  };
  if (disallowed != nullptr) {
    refuse("KRO402", fmt::format("references unknown identifiers: [{}]", disallowed->name),
           fmt::format("'{}' cannot be used here", disallowed->name), disallowed->span);
    return std::nullopt;
  }
  if (!unknown.empty()) {
    std::string list;
    for (const auto* name : unknown)
      list += fmt::format("{}{}", list.empty() ? "" : " ", name->name);
    std::vector<std::string_view> reported;
    for (const auto* name : unknown) {
      if (std::ranges::find(reported, name->name) != reported.end()) continue;
      if (reported.size() * place.text.source.size() > kMaxFaultTexts ||
          reported.size() == kMaxUnknownNames)
        break;
      if (!reported.empty()) list = name->name;  // upstream's text names all of them
      refuse("KRO402", fmt::format("references unknown identifiers: [{}]", list),
             fmt::format("unknown name '{}'", name->name), name->span)
          .hint = hints_left_ > 0 ? Suggestion(name->name, Candidates()) : std::string();
      hints_left_ -= std::min<std::size_t>(hints_left_, 1);
      reported.push_back(name->name);
    }
    return std::nullopt;
  }
  if (!found.unknown_functions.empty()) {
    std::string list;
    for (const cel::UnknownName& function : found.unknown_functions) {
      list += fmt::format("{}{{{}}}", list.empty() ? "" : " ", function.name);
    }
    const cel::UnknownName& first = found.unknown_functions[0];
    refuse("KRO402", fmt::format("uses unknown functions: [{}]", list),
           fmt::format("unknown function '{}'", first.name), first.span)
        .hint = Suggestion(first.name, environment_.FunctionNames());
    return std::nullopt;
  }
  if (found.uses_omit) {
    constexpr std::string_view kText = "omit() can only be used in resource template expressions";
    refuse("KRO405", std::string(kText), std::string(kText), std::nullopt);
    return std::nullopt;
  }
  named.ast = std::move(*ast);
  return named;
}

std::optional<cel::Type> ProgramBuilder::Check(cel::Ast& ast, const Place& place,
                                               std::string_view prefix, Diagnostics& faults) {
  if (auto checked = cel::Check(environment_, ast, hints_left_); !checked) {
    hints_left_ -= std::min(hints_left_, checked.error().size());
    Append(faults, place.Faults(checked.error(), prefix));
    return std::nullopt;
  }
  return ast.type();
}

std::optional<Expression> ProgramBuilder::Build(cel::Ast ast, ExpressionKind kind,
                                                std::vector<std::string> references,
                                                const Place& place, std::string_view prefix,
                                                Diagnostics& faults) {
  Expression built;
  built.text = std::string(ast.source);
  built.kind = kind;
  built.references = std::move(references);
  for (ObjectPlace& read :
       PlacesRead(ast, [this](std::string_view name) { return Variable(name); })) {
    if (read.node < nodes_.size()) built.reads.push_back({read.node, std::move(read.path)});
  }
  auto program = cel::Plan(std::move(ast), environment_, cel::TypeNames::kUndefined);
  if (!program) {
    faults.push_back(place.Fault("KRO401",
                                 fmt::format("{}compile: {}", prefix, program.error().message()),
                                 program.error().message()));
    return std::nullopt;
  }
  built.program = std::move(*program);
  for (const std::string& name : built.program->variables()) built.inputs.push_back(InputOf(name));
  return built;
}

void ProgramBuilder::NoteReads(const cel::Ast& ast) {
  reads_.Add(ast, [this](std::string_view name) { return Variable(name); });
}

bool ProgramBuilder::DependsOnFault(const cel::Ast& ast,
                                    const std::vector<std::string>& references) const {
  const bool named = std::ranges::any_of(references, [&](const std::string& name) {
    const std::int32_t slot = environment_.FindVariable(name);
    return slot >= 0 && environment_.variable(slot).type.IsError();
  });
  return named || HoldsFault(*ast.root);
}

std::optional<ObjectPlace> ProgramBuilder::PlaceOf(const cel::Ast& ast) const {
  return graph::PlaceOf(ast, [this](std::string_view name) { return Variable(name); });
}

std::optional<ObjectPlace> ProgramBuilder::Variable(std::string_view name) const {
  const Input input = InputOf(name);
  switch (input.source) {
    case Input::Source::kSchema:
      return ObjectPlace{.node = nodes_.size()};
    case Input::Source::kNode:
      return ObjectPlace{.node = input.index, .is_list = IsListNode(nodes_[input.index])};
    case Input::Source::kIterator:
      return elements_[input.index];
    case Input::Source::kEach:
      return ObjectPlace{.node = node_->index};
    case Input::Source::kRuntime:
      break;
  }
  return std::nullopt;
}

Input ProgramBuilder::InputOf(std::string_view name) const {
  if (node_ != nullptr) {
    const auto iterator = std::ranges::find(node_->iterators, name, &Iterator::name);
    if (iterator != node_->iterators.end()) {
      return {Input::Source::kIterator,
              static_cast<std::size_t>(iterator - node_->iterators.begin())};
    }
    if (name == "each") return {Input::Source::kEach, 0};
  }
  if (name == "runtime") return {Input::Source::kRuntime, 0};
  const auto node = vertices_.find(name);
  if (node != vertices_.end()) return {Input::Source::kNode, node->second};
  return {Input::Source::kSchema, 0};
}

std::vector<std::string> ProgramBuilder::Candidates() const {
  std::vector<std::string> names;
  for (const ResourceNode& node : nodes_) names.push_back(node.id);
  names.emplace_back("schema");
  return names;
}

}  // namespace kro::graph
