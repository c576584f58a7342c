// Every sort of write to an object of a kind that judges values: bounds, patterns, enumerations, defaults,
// rules.
#include <fmt/format.h>

#include "differential/drawn_value.h"
#include "differential/sequence.h"
#include "differential/writes.h"

namespace kro::differential {
namespace {

// What a field may hold.
constexpr std::string_view kFields = R"yaml(
- {type: string, minLength: 2, maxLength: 4, good: [ab, abc, abcd], bad: [a, abcde, "", 5]}
- {type: string, pattern: '^[a-c]+$', good: [a, bc, abc], bad: [A, a-b, true]}
- {type: string, enum: [x, w, z], default: x, good: [x, w, z], bad: [v, 1]}
- {type: string, default: dd, good: [a, b, c], bad: [[a], {a: b}, 1.5]}
- {type: string, nullable: true, good: [a, b, null], bad: [7]}
- {type: string, nullable: true, default: nn, good: [a, null], bad: [7]}
- {type: string, good: [a, b, null], bad: [false]}
- {type: string, format: date-time, good: ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5+01:00"], bad: ["2020-01-01", yesterday]}
- {type: string, format: ipv4, good: ["10.0.0.1"], bad: ["10.0.0", "::1"]}
- {type: string, format: byte, good: ["YQ==", ""], bad: ["YQ", "?"]}
- {type: string, format: duration, good: [1s, 1h3m], bad: [1, soon]}
- {type: integer, minimum: 1, maximum: 5, good: [1, 3, 5], bad: [0, 6, 2.5, "3"]}
- {type: integer, minimum: 0, exclusiveMinimum: true, multipleOf: 2, good: [2, 4], bad: [0, 3, -2]}
- {type: integer, format: int32, default: 7, good: [1, 2147483647, -2147483648], bad: [2147483648, 1.5, true]}
- {type: integer, format: int64, good: [1, 9223372036854775807], bad: [1.5, "1"]}
- {type: integer, enum: [1, 2, 4], good: [1, 2, 4], bad: [3, "1"]}
- {type: number, minimum: 0.5, maximum: 2.5, exclusiveMaximum: true, good: [0.5, 1, 2.25], bad: [0.25, 2.5, "1"]}
- {type: boolean, default: false, good: [true, false], bad: ["true", 0]}
- {x-kubernetes-int-or-string: true, good: [1, a, 80%], bad: [1.5, true, [1]]}
- {type: string, maxLength: 10, good: [a, b], bad: [no], x-kubernetes-validations: [{rule: self != 'no', message: not no}]}
- {type: string, maxLength: 10, good: [a, b], bad: [no], x-kubernetes-validations: [{rule: "!self.startsWith('n')", messageExpression: "'refused: ' + self", reason: FieldValueForbidden}]}
- {type: integer, good: [1, 2, 3], bad: [9], x-kubernetes-validations: [{rule: self < 9}, {rule: self != 8, reason: FieldValueDuplicate}]}
)yaml";

// The same where an old value can be told: not below sets and atomic lists.
constexpr std::string_view kTransitions = R"yaml(
- {type: string, maxLength: 10, good: [a, a, a, b], bad: [c], x-kubernetes-validations: [{rule: self == oldSelf, message: stays}]}
- {type: integer, good: [1, 2, 3], bad: [0], x-kubernetes-validations: [{rule: self >= oldSelf, messageExpression: "'not below %d'.format([oldSelf])"}]}
- {type: integer, good: [1, 2, 3], bad: [5], x-kubernetes-validations: [{rule: "oldSelf.hasValue() || self < 5", optionalOldSelf: true}]}
)yaml";

// What may be said of an object that has fields a and b.
constexpr std::string_view kOfObjects = R"yaml(
- {required: [a]}
- {default: {}}
- {nullable: true}
- {minProperties: 1}
- {maxProperties: 2}
- {x-kubernetes-preserve-unknown-fields: true}
- {oneOf: [{required: [a]}, {required: [b]}]}
- {anyOf: [{required: [a]}, {required: [b]}]}
- {not: {required: [a, b]}}
- {x-kubernetes-validations: [{rule: has(self.a) || has(self.b), message: "a or b", fieldPath: .a, reason: FieldValueRequired}]}
- {x-kubernetes-validations: [{rule: "!has(self.a) || has(self.b)"}]}
- {x-kubernetes-map-type: atomic}
)yaml";

enum class Correlation { kPossible, kNone };

json::Object PickSchema(Draws& draws, std::string_view list) {
  const json::Value schemas = ParsePooledSchema(list);
  return schemas.get_array()[draws.Draw(schemas.get_array().size())].get_object();
}

json::Object Scalar(Draws& draws, Correlation correlation) {
  const bool transition = correlation == Correlation::kPossible && Chance(draws, 12);
  return PickSchema(draws, transition ? kTransitions : kFields);
}

json::Object AnyField(Draws& draws, int depth, Correlation correlation);

json::Object ObjectOf(Draws& draws, int depth, Correlation correlation) {
  json::Object schema = Chance(draws, 60) ? PickSchema(draws, kOfObjects) : json::Object();
  if (schema.contains("x-kubernetes-map-type")) correlation = Correlation::kNone;
  json::Object properties;
  const std::uint64_t count = 2 + draws.Draw(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    properties[std::string(1, static_cast<char>('a' + i))] = AnyField(draws, depth, correlation);
  }
  schema["type"] = "object";
  schema["properties"] = std::move(properties);
  return schema;
}

json::Object ListOf(Draws& draws, int depth, Correlation correlation) {
  json::Object schema{{"type", "array"}, {"maxItems", 3}};
  if (Chance(draws, 20)) schema["minItems"] = 1;
  switch (draws.Draw(3)) {
    case 0:
      schema["x-kubernetes-list-type"] = "set";
      schema["items"] = json::Object{
          {"type", "string"}, {"maxLength", 3}, {"good", json::Array{"a", "b", "c", "dddd"}}};
      return schema;
    case 1: {
      schema["x-kubernetes-list-type"] = "map";
      json::Object items = ObjectOf(draws, depth - 1, correlation);
      for (const char* key : {"nullable", "default", "x-kubernetes-map-type"}) items.erase(key);
      json::Object& properties = items["properties"].as_object();
      properties["k"] =
          json::Object{{"type", "string"}, {"maxLength", 3}, {"good", json::Array{"k", "l", "m"}}};
      json::Array keys{"k"};
      if (Chance(draws, 40)) {
        properties["p"] =
            json::Object{{"type", "integer"}, {"default", 1}, {"good", json::Array{1, 2}}};
        keys.emplace_back("p");
      }
      json::Value* required = items.if_contains("required");
      if (required != nullptr) required->as_array().emplace_back("k");
      if (required == nullptr) items["required"] = json::Array{"k"};
      schema["items"] = std::move(items);
      schema["x-kubernetes-list-map-keys"] = std::move(keys);
      return schema;
    }
    default:
      schema["items"] = AnyField(draws, depth - 1, Correlation::kNone);
      return schema;
  }
}

json::Object AnyField(Draws& draws, int depth, Correlation correlation) {
  if (depth == 0) return Scalar(draws, correlation);
  switch (draws.Draw(8)) {
    case 0:
    case 1:
      return ObjectOf(draws, depth - 1, correlation);
    case 2:
    case 3:
      return ListOf(draws, depth, correlation);
    case 4:
      return {{"type", "object"},
              {"maxProperties", 3},
              {"additionalProperties", AnyField(draws, depth - 1, correlation)}};
    default:
      return Scalar(draws, correlation);
  }
}

json::Value SchemaOf(std::uint64_t kind, std::string_view part) {
  Draws draws(2000 + 2 * kind + (part == "status" ? 1 : 0));
  json::Object properties;
  for (char c = 'a'; c < 'h'; ++c) {
    properties[std::string(1, c)] = AnyField(draws, 2, Correlation::kPossible);
  }
  return json::Object{{"type", "object"}, {"properties", std::move(properties)}};
}

bool HasStatus(std::uint64_t kind) { return kind % 3 != 0; }

}  // namespace

std::string JudgedDefinition(std::uint64_t kind) {
  json::Object root{
      {"type", "object"},
      {"properties", json::Object{{"spec", WithoutPools(SchemaOf(kind, "spec"))},
                                  {"status", WithoutPools(SchemaOf(kind, "status"))}}}};
  json::Object version{{"name", "v1"},
                       {"served", true},
                       {"storage", true},
                       {"schema", json::Object{{"openAPIV3Schema", std::move(root)}}}};
  if (HasStatus(kind)) version["subresources"] = json::Object{{"status", json::Object()}};
  json::Object names{{"plural", fmt::format("judged{}s", kind)},
                     {"kind", fmt::format("Judged{}", kind)}};
  json::Object definition{
      {"apiVersion", "apiextensions.k8s.io/v1"},
      {"kind", "CustomResourceDefinition"},
      {"metadata", json::Object{{"name", fmt::format("judged{}s.ex.io", kind)}}},
      {"spec", json::Object{{"group", "ex.io"},
                            {"scope", "Namespaced"},
                            {"names", std::move(names)},
                            {"versions", json::Array{std::move(version)}}}}};
  return json::Serialize(definition);
}

Sequence JudgedSequence(std::uint64_t seed) {
  const std::uint64_t kind = seed % kJudgedKinds;
  const WrittenKind written{
      .api_version = "ex.io/v1",
      .kind = fmt::format("Judged{}", kind),
      .collection = fmt::format("/apis/ex.io/v1/namespaces/$N/judged{}s", kind),
      .schema = json::Object{{"type", "object"},
                             {"properties", json::Object{{"spec", SchemaOf(kind, "spec")},
                                                         {"status", SchemaOf(kind, "status")}}}},
      .status = HasStatus(kind) ? Status::kSubresource : Status::kField,
      .patch = "application/merge-patch+json"};
  return {fmt::format("judged-{}", seed), DrawWrites(2'000'000 + seed, written)};
}

}  // namespace kro::differential
