#include "cel/library/runtime.h"

#include <algorithm>
#include <array>

#include "cel/library.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

// The fields of a condition, by name.
struct ConditionField {
  std::string_view name;
  std::string_view Condition::* member;
};

constexpr std::array<ConditionField, 4> kConditionFields = {{
    {"type", &Condition::type},
    {"status", &Condition::status},
    {"reason", &Condition::reason},
    {"message", &Condition::message},
}};

class ConditionSchema final : public ObjectSchema {
 public:
  std::string_view type_name() const override { return "kro.run.Condition"; }
  std::optional<Field> FindField(std::string_view name) const override;
  std::vector<std::string> FieldNames() const override;
  bool preserves_unknown() const override { return false; }
};

Value EqualRuntimes(Context&, const Value&, const Value&) { return Value::Bool(true); }
Value UnequalToOthers(Context&, const Value&, const Value&) { return Value::Bool(false); }
Value EqualConditions(Context& context, const Value& a, const Value& b);
std::optional<Value> GetConditionField(Context& context, const Value& self, std::string_view name);

constexpr OpaqueType kRuntimeType{
    .name = "kro.run.Runtime", .equal = EqualRuntimes, .equal_other = UnequalToOthers};
constexpr OpaqueType kConditionType{
    .name = "kro.run.Condition", .equal = EqualConditions, .field = GetConditionField};
constexpr OpaqueBase kRuntime{&kRuntimeType};

Value NewCondition(Context& context, Args args);
Value FindCondition(Context& context, Args args);

}  // namespace

Type RuntimeType() {
  static const Type type = Object(kRuntimeType.name);
  return type;
}

Type ConditionType() {
  static const ConditionSchema schema;
  static const Type::Node node{
      .kind = TypeKind::kObject, .name = kConditionType.name, .schema = &schema};
  return Type(&node);
}

Value RuntimeValue() { return Value::Abstract(&kRuntime); }

const Condition* AsCondition(const Value& value) {
  return value.IsOpaque(kConditionType) ? &value.As<Condition>() : nullptr;
}

const Library& RuntimeLibrary() {
  static const Library library{
      .name = "kro.runtime",
      .doc = "Conditions of an instance's status.",
      .overloads = {
          {.function = "newCondition",
           .id = "runtime_newCondition_map",
           .style = Style::kReceiver,
           .params = {RuntimeType(), MapOf(String(), String())},
           .result = ConditionType(),
           .doc = "A condition; type and status are required, status is True, False or Unknown.",
           .examples = {{"runtime.newCondition({type: 'X', status: 'True'}).status", "'True'"}},
           .eval = NewCondition,
           .guard = Guard::kNone},
          {.function = "condition",
           .id = "runtime_condition_dyn_string",
           .style = Style::kReceiver,
           .params = {RuntimeType(), Dyn(), String()},
           .result = ConditionType(),
           .doc = "The condition of a type in obj.status.conditions; one of empty strings if there "
                  "is none.",
           .examples = {{"runtime.condition({'status': {'conditions': [{'type': 'A', 'reason': "
                         "'r'}]}}, 'A').reason",
                         "'r'"},
                        {"runtime.condition({}, 'A').status", "''"}},
           .eval = FindCondition},
      }};
  return library;
}

namespace {

std::optional<Field> ConditionSchema::FindField(std::string_view name) const {
  for (const ConditionField& field : kConditionFields) {
    if (field.name == name) return Field{.type = String(), .key = field.name};
  }
  return std::nullopt;
}

std::vector<std::string> ConditionSchema::FieldNames() const {
  std::vector<std::string> names;
  for (const ConditionField& field : kConditionFields) names.emplace_back(field.name);
  return names;
}

Value EqualConditions(Context&, const Value& a, const Value& b) {
  return Value::Bool(std::all_of(
      kConditionFields.begin(), kConditionFields.end(), [&](const ConditionField& field) {
        return a.As<Condition>().*field.member == b.As<Condition>().*field.member;
      }));
}

std::optional<Value> GetConditionField(Context& context, const Value& self, std::string_view name) {
  for (const ConditionField& field : kConditionFields) {
    if (field.name == name) return Value::String(self.As<Condition>().*field.member);
  }
  return Fail(context, "Condition: no such field \"{}\"", name);
}

Value MakeCondition(Context& context, const std::array<std::string_view, 4>& texts) {
  return Value::Abstract(context.arena().New<Condition>(OpaqueBase{&kConditionType}, texts[0],
                                                        texts[1], texts[2], texts[3]));
}

Value NewCondition(Context& context, Args args) {
  constexpr std::string_view kPrefix = "runtime.newCondition: ";
  if (!args[0].IsOpaque(kRuntimeType) || !args[1].Is(Kind::kMap)) {
    return Fail(context, "no such overload: newCondition({}, {})", TypeName(args[0]),
                TypeName(args[1]));
  }
  std::array<std::string_view, 4> texts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto text = args[1].MapFind(context, kConditionFields[i].name);
    if (!text) continue;
    if (text->IsError()) return *text;
    if (!text->Is(Kind::kString)) {
      return Fail(context, "{}{} must be a string, got {}", kPrefix, kConditionFields[i].name,
                  TypeName(*text));
    }
    texts[i] = text->AsString();
  }
  if (texts[0].empty()) return Fail(context, "{}type must not be empty", kPrefix);
  if (texts[1] != "True" && texts[1] != "False" && texts[1] != "Unknown") {
    return Fail(context, "{}status must be one of True, False, Unknown (got \"{}\")", kPrefix,
                texts[1]);
  }
  return MakeCondition(context, texts);
}

Value FindCondition(Context& context, Args args) {
  constexpr std::string_view kPrefix = "runtime.condition: ";
  const Value& object = args[1];
  std::string_view wanted = args[2].AsString();
  const Value none = MakeCondition(context, {});
  if (!object.Is(Kind::kMap)) {
    return Fail(context, "{}obj must be an object, got {}", kPrefix, TypeName(object));
  }
  auto status = object.MapFind(context, "status");
  if (!status) return none;
  if (!status->Is(Kind::kMap)) return Fail(context, "{}obj.status must be an object", kPrefix);
  auto conditions = status->MapFind(context, "conditions");
  if (!conditions) return none;
  if (!conditions->Is(Kind::kList)) {
    return Fail(context, "{}obj.status.conditions must be a list", kPrefix);
  }
  for (std::size_t i = 0; i < conditions->ListSize(); ++i) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    Value element = conditions->ListAt(context, i);
    if (const Condition* condition = AsCondition(element)) {
      if (condition->type == wanted) return element;
      continue;
    }
    if (!element.Is(Kind::kMap)) {
      return Fail(context, "{}unexpected condition element type {}", kPrefix, TypeName(element));
    }
    std::array<std::string_view, 4> texts;
    for (std::size_t k = 0; k < texts.size(); ++k) {
      auto text = element.MapFind(context, kConditionFields[k].name);
      if (text && text->Is(Kind::kString)) texts[k] = text->AsString();
    }
    if (texts[0] == wanted) return MakeCondition(context, texts);
  }
  return none;
}

}  // namespace
}  // namespace kro::cel
