#include "graph/template_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "graph/internal/report.h"
#include "graph/internal/schema_view.h"

namespace kro::graph {
namespace {

using Types = std::vector<std::string_view>;

// Of the values without expressions the first ones are enough.
constexpr std::size_t kMaxPlain = 20'000;

// Of the values of a map that takes any.
const schema::Schema kSaysNothing;

class Walker {
 public:
  void Untyped(const json::Value& value);
  void Typed(const json::Value& value, const schema::Schema& schema);
  Walked Take();

 private:
  void TypedObject(const json::Object& object, const schema::Schema& schema, const Types& expected);
  void TypedArray(const json::Array& array, const schema::Schema& schema, const Types& expected);
  void TypedString(std::string_view text, const Types& expected);
  void TypedScalar(const json::Value& scalar, const Types& expected);
  // The expressions of a string, or nullptr with a fault noted.
  const TemplateString* Scan(std::string_view text);
  void WrongType(const Types& expected, std::string_view found, std::string hint = {});
  void UnknownField(std::string_view name, const schema::Schema& schema);
  void NotePlain();
  Diagnostic& Fault(std::string_view code, std::string text);

  json::FieldPath path_;
  Walked walked_;
  TemplateString scanned_;
  Diagnostics faults_;
  Diagnostic dropped_;  // those beyond kMaxFaults
  int hints_left_ = kMaxHints;
};

Walked RefuseDepth();
bool IsIntegral(const json::Value& number);
bool Contains(const Types& types, std::string_view type);
std::vector<const json::Object::value_type*> ByKey(const json::Object& object);

}  // namespace

Walked WalkUntyped(const json::Value& value) {
  if (json::IsTooDeep(value)) return RefuseDepth();
  Walker walker;
  walker.Untyped(value);
  return walker.Take();
}

Walked WalkTyped(const json::Value& value, const schema::Schema& schema) {
  if (json::IsTooDeep(value)) return RefuseDepth();
  Walker walker;
  walker.Typed(value, schema);
  return walker.Take();
}

namespace {

void Walker::Untyped(const json::Value& value) {
  if (const auto* object = value.if_object()) {
    for (const auto* member : ByKey(*object)) {
      path_.Push(member->key());
      Untyped(member->value());
      path_.Pop();
    }
  } else if (const auto* array = value.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      path_.Push(i);
      Untyped((*array)[i]);
      path_.Pop();
    }
  } else if (const auto* text = value.if_string()) {
    const TemplateString* scanned = Scan(*text);
    if (scanned == nullptr) return;
    if (scanned->has_expressions()) {
      walked_.fields.push_back({path_, *scanned});
    } else {
      NotePlain();
    }
  } else {
    NotePlain();
  }
}

void Walker::Typed(const json::Value& value, const schema::Schema& schema) {
  if (!schema.preserve_unknown && !IsUsable(schema)) {
    Fault("KRO604",
          fmt::format("schema at path {} has no valid type, OneOf, AnyOf, or AdditionalProperties",
                      path_.ToString()))
        .hint = "the schema declares no type here, so nothing can be set below it";
    return;
  }
  const Types expected = ExpectedTypes(schema);
  if (expected.empty()) {
    Fault("KRO604", "unknown schema type");
    return;
  }
  if (value.is_null()) return;
  if (value.is_structured() && schema.preserve_unknown) return Untyped(value);
  if (const auto* object = value.if_object()) return TypedObject(*object, schema, expected);
  if (const auto* array = value.if_array()) return TypedArray(*array, schema, expected);
  if (const auto* text = value.if_string()) return TypedString(*text, expected);
  TypedScalar(value, expected);
}

Walked Walker::Take() {
  walked_.faults = std::move(faults_);
  return std::move(walked_);
}

void Walker::TypedObject(const json::Object& object, const schema::Schema& schema,
                         const Types& expected) {
  if (!Contains(expected, "object") && !schema.additional_allowed) {
    return WrongType(expected, "object");
  }
  for (const auto* member : ByKey(object)) {
    const schema::Schema* of_member = schema.Find(member->key());
    if (of_member == nullptr) {
      if (!schema.additional_allowed) {
        UnknownField(member->key(), schema);
        continue;
      }
      of_member = schema.additional != nullptr ? schema.additional : &kSaysNothing;
    }
    path_.Push(member->key());
    Typed(member->value(), *of_member);
    path_.Pop();
  }
}

void Walker::TypedArray(const json::Array& array, const schema::Schema& schema,
                        const Types& expected) {
  if (!Contains(expected, "array")) return WrongType(expected, "array");
  if (schema.items == nullptr) {
    Fault("KRO604",
          fmt::format(
              "invalid array schema for path {}: neither Items.Schema nor Properties are defined",
              path_.ToString()));
    return;
  }
  for (std::size_t i = 0; i < array.size(); ++i) {
    path_.Push(i);
    Typed(array[i], *schema.items);
    path_.Pop();
  }
}

void Walker::TypedString(std::string_view text, const Types& expected) {
  const TemplateString* scanned = Scan(text);
  if (scanned == nullptr) return;
  const bool fits = Contains(expected, "string") || Contains(expected, "any");
  if (!scanned->standalone() && !fits) {
    return WrongType(expected, "string",
                     scanned->has_expressions()
                         ? "text around an expression makes it a string; use one expression alone"
                         : "");
  }
  if (scanned->has_expressions()) {
    walked_.fields.push_back({path_, *scanned});
  } else {
    NotePlain();
  }
}

void Walker::TypedScalar(const json::Value& scalar, const Types& expected) {
  const bool integral = IsIntegral(scalar);
  const std::string_view found = scalar.is_bool() ? "boolean" : integral ? "integer" : "float64";
  bool fits = Contains(expected, "any");
  if (scalar.is_bool()) {
    fits = fits || Contains(expected, "boolean") || Contains(expected, "bool");
  } else {
    fits = fits || Contains(expected, "number") ||
           (integral && (Contains(expected, "integer") || Contains(expected, "int")));
  }
  if (!fits) {
    return WrongType(expected, found, Contains(expected, "string") ? "put it in quotes" : "");
  }
  NotePlain();
}

const TemplateString* Walker::Scan(std::string_view text) {
  auto scanned = ScanTemplate(text);
  if (!scanned) {
    Fault("KRO401", scanned.error().message());
    return nullptr;
  }
  scanned_ = std::move(*scanned);
  return &scanned_;
}

void Walker::WrongType(const Types& expected, std::string_view found, std::string hint) {
  const std::string words = fmt::format("{}", fmt::join(expected, " or "));
  Diagnostic& fault = Fault("KRO604", fmt::format("expected {} type for path {}, got {}", words,
                                                  path_.ToString(), found));
  fault.expected = words;
  fault.found = found == "float64" ? "number" : found;
  fault.message = fmt::format("expected {}, got {}", words, fault.found);
  fault.hint = std::move(hint);
}

void Walker::UnknownField(std::string_view name, const schema::Schema& schema) {
  const std::string parent = path_.ToString();
  path_.Push(name);
  Diagnostic& fault =
      Fault("KRO602",
            fmt::format("error getting field schema for path {}.{}: schema not found for field {}",
                        parent, name, name));
  path_.Pop();
  fault.message = fmt::format("unknown field '{}'", name);
  if (name == "true" || name == "false") {
    fault.hint = "YAML reads an unquoted key y, n, yes, no, on or off as a boolean: quote it";
  } else if (hints_left_-- > 0) {
    fault.hint = Suggestion(name, PropertyNames(schema));
  }
}

void Walker::NotePlain() {
  if (walked_.plain.size() < kMaxPlain) walked_.plain.push_back(path_);
}

Diagnostic& Walker::Fault(std::string_view code, std::string text) {
  if (faults_.size() >= kMaxFaults) return dropped_;
  return faults_.emplace_back(Problem(code, path_, std::move(text)));
}

Walked RefuseDepth() {
  return {.faults = {Problem("KRO604", {}, fmt::format("nested deeper than {}", json::kMaxDepth))}};
}

// As a template comes back from the API server: 5.0 is written 5 there, and what exceeds int64 is a
// float.
bool IsIntegral(const json::Value& number) {
  constexpr double kLimit = 9223372036854775808.0;
  if (number.is_int64()) return true;
  const double* real = number.if_double();
  return real != nullptr && *real >= -kLimit && *real < kLimit && *real == std::trunc(*real);
}

bool Contains(const Types& types, std::string_view type) {
  return std::ranges::find(types, type) != types.end();
}

std::vector<const json::Object::value_type*> ByKey(const json::Object& object) {
  std::vector<const json::Object::value_type*> members;
  members.reserve(object.size());
  for (const auto& member : object) members.push_back(&member);
  std::ranges::sort(members, {},
                    [](const auto* member) { return std::string_view(member->key()); });
  return members;
}

}  // namespace
}  // namespace kro::graph
