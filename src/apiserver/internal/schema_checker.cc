#include "apiserver/internal/schema_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "apiserver/internal/formats.h"
#include "apiserver/internal/object_metadata.h"
#include "apiserver/internal/rules.h"
#include "apiserver/internal/schema_node.h"
#include "apiserver/internal/schema_structure.h"
#include "apiserver/internal/schema_text.h"
#include "apiserver/internal/value_validation.h"
#include "apiserver/structural_schema.h"

namespace kro::apiserver::internal {
namespace {

bool HasLineBreak(std::string_view text) { return text.find_first_of("\r\n") != text.npos; }
// The rule as the server prints it, in the order of its own struct.
std::string ShowRule(const json::Value& rule);

constexpr std::string_view kUnsupported[] = {"additionalItems", "patternProperties", "definitions",
                                             "dependencies", "$ref"};
bool IsSet(const json::Value& schema, std::string_view key);
// Whether its structure can be asked about: none of its parts has what is not supported at all.
bool IsConvertible(const json::Value& schema, int depth);

// What holds for a part of a schema because of what is above it.
struct Scope {
  bool is_root = false;
  bool inside_metadata = false;
  std::string no_defaults_because;  // empty: defaults are allowed
  std::string uncorrelatable;       // below this path nobody can tell a former value; empty: none
  bool rules = true;                // rules are compiled here
  int depth = 0;

  Scope Below() const {
    Scope below = *this;
    below.is_root = false;
    ++below.depth;
    return below;
  }
};

class SchemaChecker {
 public:
  explicit SchemaChecker(FieldErrors& errors) : errors_(errors) {}

  void Check(const json::Value& schema, const std::string& path, bool has_status);

 private:
  void CheckDefaults(const json::Value& schema, bool is_root, bool inside_metadata,
                     const std::string& path, int depth);
  void CheckKeywords(const json::Value& schema, const std::string& path, const Scope& scope);
  void CheckListKeywords(const json::Value& schema, const std::string& path);
  void CheckListKeys(const json::Value& schema, const std::string& path);
  void CheckRules(const json::Value& schema, const std::string& path, const Scope& scope);

  FieldErrors& errors_;
  FieldErrors rule_errors_;  // come after all others
};

}  // namespace

void CheckSchema(const json::Value& schema, const std::string& path, bool has_status,
                 FieldErrors& errors) {
  SchemaChecker(errors).Check(schema, path, has_status);
}

namespace {

bool IsSet(const json::Value& schema, std::string_view key) {
  const json::Value* value = Find(schema, key);
  return value != nullptr && !(value->is_object() && value->get_object().empty());
}

bool IsConvertible(const json::Value& schema, int depth) {
  if (!schema.is_object() || depth > kMaxSchemaDepth) return true;
  const auto is_set = [&](std::string_view key) { return IsSet(schema, key); };
  if (std::ranges::any_of(kUnsupported, is_set) || !Text(schema, "id").empty()) return false;
  const auto is_convertible = [&](const json::Value& part) {
    return IsConvertible(part, depth + 1);
  };
  for (std::string_view key : {"items", "additionalProperties", "not"}) {
    const json::Value* part = Find(schema, key);
    if (part == nullptr) continue;
    if (part->is_array() || !is_convertible(*part)) return false;
  }
  for (std::string_view key : {"allOf", "anyOf", "oneOf"}) {
    const json::Value* parts = Find(schema, key);
    if (parts == nullptr || !parts->is_array()) continue;
    if (!std::ranges::all_of(parts->get_array(), is_convertible)) return false;
  }
  const json::Value* properties = Find(schema, "properties");
  if (properties == nullptr || !properties->is_object()) return true;
  return std::ranges::all_of(properties->get_object(),
                             [&](const auto& member) { return is_convertible(member.value()); });
}

void SchemaChecker::Check(const json::Value& schema, const std::string& path, bool has_status) {
  if (!schema.is_object()) {
    errors_.push_back(Invalid(path, schema, "must be an object"));
    return;
  }
  if (has_status) {
    constexpr std::string_view kAllowed[] = {"description",
                                             "type",
                                             "format",
                                             "title",
                                             "maximum",
                                             "exclusiveMaximum",
                                             "minimum",
                                             "exclusiveMinimum",
                                             "maxLength",
                                             "minLength",
                                             "pattern",
                                             "maxItems",
                                             "minItems",
                                             "uniqueItems",
                                             "multipleOf",
                                             "required",
                                             "items",
                                             "properties",
                                             "externalDocs",
                                             "example",
                                             "x-kubernetes-preserve-unknown-fields",
                                             "x-kubernetes-validations"};
    for (const auto& member : schema.get_object()) {
      if (std::ranges::find(kAllowed, std::string_view(member.key())) != std::end(kAllowed))
        continue;
      errors_.push_back(Invalid(
          path, schema,
          "only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum "
          "MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items "
          "Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed "
          "at "
          "the root of the schema if the status subresource is enabled"));
      break;
    }
  }
  if (Flag(schema, "nullable")) {
    errors_.push_back(Forbidden(path + ".nullable", "nullable cannot be true at the root"));
  }
  const std::size_t before = errors_.size();
  const bool convertible = IsConvertible(schema, 0);
  if (convertible) CheckStructural(schema, path, errors_);
  if (convertible && errors_.size() == before) CheckDefaults(schema, true, false, path, 0);
  const bool is_sound = convertible && errors_.size() == before;
  CheckKeywords(schema, path, Scope{.is_root = true, .rules = is_sound});
  errors_.insert(errors_.end(), rule_errors_.begin(), rule_errors_.end());
}

void SchemaChecker::CheckDefaults(const json::Value& schema, bool is_root, bool inside_metadata,
                                  const std::string& path, int depth) {
  if (!schema.is_object() || depth > kMaxSchemaDepth) return;
  const bool embedded = is_root || Flag(schema, "x-kubernetes-embedded-resource");
  if (embedded) inside_metadata = false;
  const json::Value* value = Find(schema, "default");
  if (value != nullptr && !inside_metadata) {
    const std::string at = path + ".default";
    auto node = SchemaNode::Read(schema, is_root);
    if (node) {
      // As if it were the object: the schema stands alone.
      json::Value holder_schema =
          json::Object{{"type", "object"}, {"properties", json::Object{{"v", schema}}}};
      json::Value holder = json::Object{{"v", *value}};
      auto structural = StructuralSchema::Read(holder_schema);
      if (structural) {
        (*structural)->Prune(holder);
        if (*json::Find(std::as_const(holder), "v") != *value) {
          errors_.push_back(Invalid(at, *value, "must not have unknown fields"));
        }
      }
      FieldErrors found = CheckValue(**node, *value, nullptr);
      for (const auto& error : CheckEmbedded(**node, *value)) found.push_back(error);
      for (FieldError& error : found) {
        error.field = error.field == "<nil>" ? at : at + "." + error.field;
        errors_.push_back(std::move(error));
      }
      if (found.empty() && (*node)->rules) {
        for (auto& violation : (*node)->rules->Check(at, *value, value)) {
          errors_.push_back(std::move(violation.error));
        }
      }
    }
  }
  if (const json::Value* items = Find(schema, "items")) {
    CheckDefaults(*items, false, inside_metadata, path + ".items", depth + 1);
  }
  for (const auto& member : Map(schema, "properties")) {
    const std::string_view name(member.key());
    const bool meta = embedded && (name == "metadata" || name == "apiVersion" || name == "kind");
    CheckDefaults(member.value(), false, inside_metadata || meta,
                  fmt::format("{}.properties[{}]", path, name), depth + 1);
  }
}

void SchemaChecker::CheckKeywords(const json::Value& schema, const std::string& path,
                                  const Scope& scope) {
  if (!schema.is_object() || scope.depth > kMaxSchemaDepth) return;
  auto forbid = [&](std::string_view key, std::string_view why) {
    errors_.push_back(Forbidden(fmt::format("{}.{}", path, key), why));
  };
  constexpr std::string_view kTypes[] = {"array",  "boolean", "integer",
                                         "number", "object",  "string"};
  const std::string type = Text(schema, "type");
  if (!type.empty() && std::ranges::find(kTypes, type) == std::end(kTypes)) {
    errors_.push_back(NotSupported(path + ".type", json::Value(type), kTypes));
  }
  if (Find(schema, "default") != nullptr && !scope.no_defaults_because.empty()) {
    forbid("default", "must not be set " + scope.no_defaults_because);
  }
  if (!Text(schema, "id").empty()) forbid("id", "id is not supported");
  for (std::string_view key : kUnsupported) {
    if (IsSet(schema, key)) forbid(key, fmt::format("{} is not supported", key));
  }
  if (type == "null") forbid("type", "type cannot be set to null, use nullable as an alternative");
  const json::Value* items = Find(schema, "items");
  if (items != nullptr && items->is_array()) {
    forbid("items", "items must be a schema object and not an array");
  }
  if (scope.inside_metadata && Flag(schema, "x-kubernetes-embedded-resource")) {
    forbid("x-kubernetes-embedded-resource", "must not be used inside of resource meta");
  }
  if (Flag(schema, "uniqueItems")) {
    forbid("uniqueItems",
           "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
  }
  const json::Value* additional = Find(schema, "additionalProperties");
  if (additional != nullptr) {
    const bool allows_all = additional->is_bool() && additional->get_bool();
    if (!Map(schema, "properties").empty() && !allows_all) {
      forbid("additionalProperties", "additionalProperties and properties are mutual exclusive");
    }
    Scope below = scope.Below();
    if (scope.inside_metadata) {
      below.no_defaults_because = "inside additionalProperties applying to object metadata";
    }
    CheckKeywords(*additional, path + ".additionalProperties", below);
  }
  const bool embedded = scope.is_root || Flag(schema, "x-kubernetes-embedded-resource");
  for (const auto& member : Map(schema, "properties")) {
    const std::string_view name(member.key());
    Scope below = scope.Below();
    if (embedded && (name == "metadata" || name == "apiVersion" || name == "kind")) {
      below.inside_metadata = true;
      if (scope.is_root) below.no_defaults_because = fmt::format("in top-level {}", name);
    }
    CheckKeywords(member.value(), fmt::format("{}.properties[{}]", path, name), below);
  }
  Scope branch = scope.Below();
  branch.rules = false;
  if (const json::Value* negated = Find(schema, "not"))
    CheckKeywords(*negated, path + ".not", branch);
  for (std::string_view key : {"allOf", "oneOf", "anyOf"}) {
    const json::Array& list = List(schema, key);
    for (std::size_t i = 0; i < list.size(); ++i) {
      CheckKeywords(list[i], fmt::format("{}.{}[{}]", path, key, i), branch);
    }
  }
  if (items != nullptr) {
    Scope below = scope.Below();
    if (Text(schema, "x-kubernetes-list-type") != "map" && below.uncorrelatable.empty()) {
      below.uncorrelatable = path;
    }
    CheckKeywords(*items, path + ".items", below);
  }
  const json::Value* preserve = Find(schema, "x-kubernetes-preserve-unknown-fields");
  if (preserve != nullptr && *preserve == false) {
    errors_.push_back(Invalid(path + ".x-kubernetes-preserve-unknown-fields", json::Value(false),
                              "must be true or undefined"));
  }
  CheckListKeywords(schema, path);
  CheckRules(schema, path, scope);
}

void SchemaChecker::CheckListKeywords(const json::Value& schema, const std::string& path) {
  const std::string type = Text(schema, "type");
  const bool has_list_type = Find(schema, "x-kubernetes-list-type") != nullptr;
  const std::string list = Text(schema, "x-kubernetes-list-type");
  const std::string map = Text(schema, "x-kubernetes-map-type");
  const json::Value* items = Find(schema, "items");
  auto wants_type = [&](std::string_view wanted, std::string_view key) {
    const std::string why = fmt::format("must be {} if {} is specified", wanted, key);
    errors_.push_back(type.empty() ? Required(path + ".type", why)
                                   : Invalid(path + ".type", json::Value(type), why));
  };
  if (Find(schema, "x-kubernetes-map-type") != nullptr) {
    if (type != "object") wants_type("object", "x-kubernetes-map-type");
    constexpr std::string_view kMaps[] = {"atomic", "granular"};
    if (map != "atomic" && map != "granular") {
      errors_.push_back(NotSupported(path + ".x-kubernetes-map-type", json::Value(map), kMaps));
    }
  }
  if (has_list_type && type != "array") {
    wants_type("array", "x-kubernetes-list-type");
  } else if (list == "set" && items != nullptr) {
    const json::Value* item_list = Find(*items, "x-kubernetes-list-type");
    const std::string_view why = "must be atomic as item of a list with x-kubernetes-list-type=set";
    if (Text(*items, "type") == "array" && item_list != nullptr && *item_list != "atomic") {
      errors_.push_back(Invalid(path + ".items.x-kubernetes-list-type", *item_list, why));
    }
    if (Text(*items, "type") == "object" && Text(*items, "x-kubernetes-map-type") != "atomic") {
      errors_.push_back(Invalid(path + ".items.x-kubernetes-map-type",
                                item_list == nullptr ? json::Value() : *item_list, why));
    }
  }
  constexpr std::string_view kLists[] = {"atomic", "set", "map"};
  if (has_list_type && std::ranges::find(kLists, list) == std::end(kLists)) {
    errors_.push_back(NotSupported(path + ".x-kubernetes-list-type", json::Value(list), kLists));
  }
  CheckListKeys(schema, path);
}

void SchemaChecker::CheckListKeys(const json::Value& schema, const std::string& path) {
  const std::string list = Text(schema, "x-kubernetes-list-type");
  const json::Array& keys = List(schema, "x-kubernetes-list-map-keys");
  const json::Value* items = Find(schema, "items");
  const std::string keys_path = path + ".x-kubernetes-list-map-keys";
  if (!keys.empty() && list != "map") {
    const std::string_view why = "must be map if x-kubernetes-list-map-keys is non-empty";
    const std::string at = path + ".x-kubernetes-list-type";
    errors_.push_back(Find(schema, "x-kubernetes-list-type") == nullptr
                          ? Required(at, why)
                          : Invalid(at, json::Value(list), why));
  }
  if (list == "map") {
    if (keys.empty()) {
      errors_.push_back(Required(keys_path, "must not be empty if x-kubernetes-list-type is map"));
    }
    if (items == nullptr) {
      errors_.push_back(
          Required(path + ".items", "must have a schema if x-kubernetes-list-type is map"));
    } else if (Text(*items, "type") != "object") {
      errors_.push_back(Invalid(path + ".items.type", json::Value(Text(*items, "type")),
                                "must be object if parent array's x-kubernetes-list-type is map"));
    } else {
      std::set<std::string> seen;
      for (const json::Value& key : keys) {
        if (!key.is_string()) continue;
        const std::string name(key.get_string());
        const json::Value* properties = Find(*items, "properties");
        const json::Value* property = properties == nullptr ? nullptr : Find(*properties, name);
        if (property == nullptr) {
          errors_.push_back(Invalid(keys_path, json::Value(keys),
                                    "entries must all be names of item properties"));
        } else if (Text(*property, "type") == "array" || Text(*property, "type") == "object") {
          // The server shows the type of the item.
          errors_.push_back(Invalid(
              fmt::format("{}.items.properties[{}].type", path, name), json::Value("object"),
              "must be a scalar type if parent array's x-kubernetes-list-type is map"));
        }
        if (!seen.insert(name).second) {
          errors_.push_back(
              Invalid(keys_path, json::Value(keys), "must not contain duplicate entries"));
        }
      }
    }
  }
  if (items == nullptr || (list != "set" && list != "map")) return;
  if (Flag(*items, "nullable")) {
    errors_.push_back(Forbidden(path + ".items.nullable",
                                "cannot be nullable when x-kubernetes-list-type is " + list));
  }
  if (list != "map") return;
  const json::Array& required = List(*items, "required");
  for (const json::Value& key : keys) {
    const json::Value* properties = Find(*items, "properties");
    const json::Value* property =
        properties == nullptr || !key.is_string() ? nullptr : Find(*properties, key.get_string());
    if (property == nullptr) continue;
    const std::string at =
        fmt::format("{}.items.properties[{}]", path, std::string_view(key.get_string()));
    if (std::ranges::find(required, key) == required.end() &&
        Find(*property, "default") == nullptr) {
      errors_.push_back(
          Required(at + ".default",
                   "this property is in x-kubernetes-list-map-keys, so it must have a "
                   "default or be a required property"));
    }
    if (Flag(*property, "nullable")) {
      errors_.push_back(
          Forbidden(at + ".nullable",
                    "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"));
    }
  }
}

void SchemaChecker::CheckRules(const json::Value& schema, const std::string& path,
                               const Scope& scope) {
  const json::Array& rules = List(schema, "x-kubernetes-validations");
  if (rules.empty()) return;
  constexpr std::string_view kReasons[] = {"FieldValueDuplicate", "FieldValueForbidden",
                                           "FieldValueInvalid", "FieldValueRequired"};
  const std::size_t before = errors_.size();
  auto at = [&](std::size_t i, std::string_view key) {
    return fmt::format("{}.x-kubernetes-validations[{}].{}", path, i, key);
  };
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string rule = Trimmed(Text(rules[i], "rule"));
    const std::string message = Text(rules[i], "message");
    const std::string message_expression = Text(rules[i], "messageExpression");
    const std::string field_path = Text(rules[i], "fieldPath");
    const std::string reason = Text(rules[i], "reason");
    if (rule.empty()) {
      errors_.push_back(Required(at(i, "rule"), "rule is not specified"));
    } else if (!message.empty() && Trimmed(message).empty()) {
      errors_.push_back(
          Invalid(at(i, "message"), json::Value(message), "must be non-empty if specified"));
    } else if (HasLineBreak(Trimmed(message))) {
      errors_.push_back(
          Invalid(at(i, "message"), json::Value(message), "must not contain line breaks"));
    } else if (HasLineBreak(rule) && Trimmed(message).empty()) {
      errors_.push_back(
          Required(at(i, "message"), "message must be specified if rule contains line breaks"));
    }
    if (!message_expression.empty() && Trimmed(message_expression).empty()) {
      errors_.push_back(
          Required(at(i, "messageExpression"), "messageExpression must be non-empty if specified"));
    }
    if (!reason.empty() && std::ranges::find(kReasons, reason) == std::end(kReasons)) {
      errors_.push_back(NotSupported(at(i, "reason"), json::Value(reason), kReasons));
    }
    if (field_path.empty()) continue;
    if (Trimmed(field_path).empty()) {
      errors_.push_back(
          Invalid(at(i, "fieldPath"), json::Value(field_path), "must be non-empty if specified"));
    }
    if (HasLineBreak(field_path)) {
      errors_.push_back(
          Invalid(at(i, "fieldPath"), json::Value(field_path), "must not contain line breaks"));
    }
    if (!NormalizeFieldPath(field_path, schema)) {
      errors_.push_back(
          Invalid(at(i, "fieldPath"), json::Value(field_path), "must be a valid path"));
    }
  }
  if (!scope.rules || errors_.size() != before) return;
  std::vector<bool> uses_old_self;
  for (const RuleFault& fault : Rules::FindFaults(schema, scope.is_root, uses_old_self)) {
    const std::string_view key =
        fault.part == RuleFault::Part::kRule ? "rule" : "messageExpression";
    rule_errors_.push_back(
        {FieldErrorType::kInvalid, at(fault.index, key),
         fmt::format("Invalid value: {}: {}", ShowRule(rules[fault.index]), fault.text)});
  }
  for (std::size_t i = 0; i < uses_old_self.size(); ++i) {
    if (uses_old_self[i]) {
      if (scope.uncorrelatable.empty()) continue;
      rule_errors_.push_back(
          Invalid(at(i, "rule"), json::Value(Text(rules[i], "rule")),
                  "oldSelf cannot be used on the uncorrelatable portion of the schema within " +
                      scope.uncorrelatable));
    } else if (const json::Value* optional = Find(rules[i], "optionalOldSelf")) {
      rule_errors_.push_back(Invalid(at(i, "optionalOldSelf"), *optional,
                                     "may not be set if oldSelf is not used in rule"));
    }
  }
}

std::string ShowRule(const json::Value& rule) {
  const json::Value* reason = Find(rule, "reason");
  const json::Value* optional = Find(rule, "optionalOldSelf");
  return json::Serialize(
      json::Object{{"Rule", Text(rule, "rule")},
                   {"Message", Text(rule, "message")},
                   {"MessageExpression", Text(rule, "messageExpression")},
                   {"Reason", reason == nullptr ? json::Value() : *reason},
                   {"FieldPath", Text(rule, "fieldPath")},
                   {"OptionalOldSelf", optional == nullptr ? json::Value() : *optional}});
}

}  // namespace
}  // namespace kro::apiserver::internal
