#include "graph/internal/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/go_quote.h"
#include "cel/library/runtime.h"
#include "graph/internal/children.h"
#include "graph/internal/report.h"

namespace kro::graph {
namespace {

constexpr std::array<std::string_view, 4> kBuiltIn = {"InstanceManaged", "GraphResolved",
                                                      "ResourcesReady", "Ready"};
constexpr std::array<std::string_view, 3> kStatuses = {"True", "False", "Unknown"};

// A call of runtime.newCondition or runtime.condition.
struct RuntimeCall {
  const cel::Call* call;
  Span span;
};

class ConditionBuilder {
 public:
  ConditionBuilder(const std::vector<TemplateString>& entries, ProgramBuilder& builder);

  ConditionPrograms Run();

 private:
  void RefuseRepeatedTypes();
  void CheckCalls(std::size_t index);
  void CheckNewCondition(const RuntimeCall& call, const Place& place);
  void CheckRead(const RuntimeCall& call, const Place& place);
  void Build(std::size_t index);
  void Refuse(const Place& place, Span span, std::string_view code, std::string text,
              std::string message, std::string hint = {});

  const std::vector<TemplateString>& entries_;
  ProgramBuilder& builder_;
  std::vector<std::vector<RuntimeCall>> calls_;  // of each entry, outermost first
  std::vector<std::optional<cel::Ast>> asts_;
  std::map<std::string, std::size_t, std::less<>> declared_;  // literal types, the first entry
  ConditionPrograms built_;
};

Place PlaceOf(const std::vector<TemplateString>& entries, std::size_t index);
void FindCalls(const cel::Expr& expr, std::vector<RuntimeCall>& calls);
const cel::Expr* EntryOf(const cel::Call& new_condition, std::string_view key);
std::optional<std::string> TextOf(const cel::Expr* expr);
bool IsConditionType(cel::Type type);

}  // namespace

ConditionPrograms BuildConditions(const std::vector<TemplateString>& entries,
                                  ProgramBuilder& builder) {
  return ConditionBuilder(entries, builder).Run();
}

namespace {

ConditionBuilder::ConditionBuilder(const std::vector<TemplateString>& entries,
                                   ProgramBuilder& builder)
    : entries_(entries), builder_(builder), calls_(entries.size()), asts_(entries.size()) {
  static const cel::Dialect kDialect = cel::Environment::Kro().dialect();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].has_expressions()) continue;
    auto ast = cel::Parse(entries[i].Lowered(), kDialect);
    if (!ast) continue;  // Build reports it
    FindCalls(*ast->root, calls_[i]);
    asts_[i] = std::move(*ast);
  }
}

ConditionPrograms ConditionBuilder::Run() {
  RefuseRepeatedTypes();
  for (std::size_t i = 0; i < entries_.size(); ++i) CheckCalls(i);
  for (std::size_t i = 0; i < entries_.size(); ++i) Build(i);
  built_.faults = Enclose(std::move(built_.faults), {}, "failed to build instance conditions: ");
  return std::move(built_);
}

// Two entries of one literal type would overwrite each other. Branches of one entry may repeat it.
void ConditionBuilder::RefuseRepeatedTypes() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    for (const RuntimeCall& call : calls_[i]) {
      if (call.call->function != "newCondition") continue;
      const auto type = TextOf(EntryOf(*call.call, "type"));
      if (!type) continue;
      const auto [first, is_new] = declared_.emplace(*type, i);
      if (is_new || first->second == i) continue;
      const Place place = PlaceOf(entries_, i);
      Refuse(place, call.span, "KRO203",
             fmt::format("condition type {} is declared by more than one conditions entry",
                         GoQuote(*type)),
             fmt::format("another entry declares the condition '{}' too", *type));
      built_.faults.back().related.push_back(
          {.where = PlaceOf(entries_, first->second).Locate(), .message = "the first entry"});
    }
  }
}

void ConditionBuilder::CheckCalls(std::size_t index) {
  for (const RuntimeCall& call : calls_[index]) {
    const Place place = PlaceOf(entries_, index);
    if (call.call->function == "newCondition") {
      CheckNewCondition(call, place);
    } else {
      CheckRead(call, place);
    }
  }
}

void ConditionBuilder::CheckNewCondition(const RuntimeCall& call, const Place& place) {
  const auto within = [&] { return fmt::format(" in expression {}", GoQuote(place.Shown())); };
  const auto status = TextOf(EntryOf(*call.call, "status"));
  if (status && std::ranges::find(kStatuses, *status) == kStatuses.end()) {
    Refuse(
        place, call.span, "KRO403",
        fmt::format("runtime.newCondition: status must be one of True, False, Unknown (got {}){}",
                    GoQuote(*status), within()),
        fmt::format("the status of a condition is 'True', 'False' or 'Unknown', not '{}'", *status),
        Suggestion(*status, {kStatuses.begin(), kStatuses.end()}));
  }
  const auto type = TextOf(EntryOf(*call.call, "type"));
  if (type && type->empty()) {
    Refuse(place, call.span, "KRO403",
           fmt::format("runtime.newCondition: type must not be empty{}", within()),
           "the type of a condition must not be empty");
  }
}

// Of the instance's own conditions only kro's can be read: the others are being made.
void ConditionBuilder::CheckRead(const RuntimeCall& call, const Place& place) {
  if (call.call->args.size() != 2) return;
  const auto* subject = call.call->args[0]->If<cel::Ident>();
  const auto type = TextOf(call.call->args[1]);
  if (subject == nullptr || subject->name != "schema" || !type) return;
  if (std::ranges::find(kBuiltIn, *type) != kBuiltIn.end()) return;
  const std::string begin = fmt::format("runtime.condition(schema, {}): ", GoQuote(*type));
  const std::string end = fmt::format(" in expression {}", GoQuote(place.Shown()));
  if (declared_.contains(*type)) {
    Refuse(place, call.span, "KRO402",
           fmt::format("{}custom conditions cannot reference each other{}", begin, end),
           "conditions of this definition cannot read each other");
    return;
  }
  Refuse(place, call.span, "KRO402",
         fmt::format("{}unknown condition type; only kro's built-in types (InstanceManaged, "
                     "GraphResolved, ResourcesReady, Ready) can be read from schema{}",
                     begin, end),
         fmt::format("an instance has no built-in condition '{}'", *type),
         Suggestion(*type, {kBuiltIn.begin(), kBuiltIn.end()}));
}

void ConditionBuilder::Build(std::size_t index) {
  if (!entries_[index].has_expressions()) return;
  const Place place = PlaceOf(entries_, index);
  const std::string shown = GoQuote(place.Shown());
  auto named = builder_.Parse(
      place, fmt::format("condition {}: ", shown),
      [&](std::string_view name) {
        return name == "schema" || name == "runtime" || builder_.IsNode(name);
      },
      built_.faults);
  if (!named) return;
  const auto type = builder_.Check(
      named->ast, place, fmt::format("failed to type-check condition {}: ", shown), built_.faults);
  if (!type || builder_.DependsOnFault(named->ast, named->references)) return;
  builder_.NoteReads(named->ast);
  if (!IsConditionType(*type) &&
      !(type->Is(cel::TypeKind::kList) && IsConditionType(type->element()))) {
    Diagnostic fault = place.Fault(
        "KRO403",
        fmt::format(
            "condition {}: condition expressions must return runtime.newCondition(...) or a "
            "list of them, got {}",
            shown, GoQuote(type->ToString())),
        fmt::format("a condition is made by runtime.newCondition(…), this is {}",
                    type->ToAuthor()));
    fault.expected = "condition";
    fault.found = type->ToAuthor();
    built_.faults.push_back(std::move(fault));
    return;
  }
  auto program =
      builder_.Build(std::move(named->ast), ExpressionKind::kDynamic, std::move(named->references),
                     place, fmt::format("failed to compile condition {}: ", shown), built_.faults);
  if (program) built_.programs.push_back(std::move(*program));
}

void ConditionBuilder::Refuse(const Place& place, Span span, std::string_view code,
                              std::string text, std::string message, std::string hint) {
  Diagnostic fault = place.Fault(code, std::move(text), std::move(message));
  fault.where = place.Locate(span);
  fault.hint = std::move(hint);
  built_.faults.push_back(std::move(fault));
}

Place PlaceOf(const std::vector<TemplateString>& entries, std::size_t index) {
  json::FieldPath path({std::string("spec"), std::string("schema"), std::string("status"),
                        std::string("conditions"), index});
  return {entries[index], std::move(path)};
}

void FindCalls(const cel::Expr& expr, std::vector<RuntimeCall>& calls) {
  if (const auto* call = expr.If<cel::Call>(); call != nullptr && call->target != nullptr) {
    const auto* target = call->target->If<cel::Ident>();
    const bool known = call->function == "newCondition" || call->function == "condition";
    if (known && target != nullptr && target->name == "runtime") calls.push_back({call, expr.span});
  }
  ForEachChild(expr, [&](const cel::Expr& child) { FindCalls(child, calls); });
}

const cel::Expr* EntryOf(const cel::Call& new_condition, std::string_view key) {
  if (new_condition.args.size() != 1) return nullptr;
  const auto* map = new_condition.args[0]->If<cel::MapLiteral>();
  if (map == nullptr) return nullptr;
  for (const cel::MapEntry& entry : map->entries) {
    if (TextOf(entry.key) == key) return entry.value;
  }
  return nullptr;
}

std::optional<std::string> TextOf(const cel::Expr* expr) {
  const auto* literal = expr == nullptr ? nullptr : expr->If<cel::Literal>();
  if (literal == nullptr || !literal->value.Is(cel::Kind::kString)) return std::nullopt;
  return std::string(literal->value.AsString());
}

bool IsConditionType(cel::Type type) {
  return type.IsDyn() || type.IsError() || type == cel::ConditionType();
}

}  // namespace
}  // namespace kro::graph
