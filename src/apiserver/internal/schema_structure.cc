#include "apiserver/internal/schema_structure.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "apiserver/internal/schema_text.h"

namespace kro::apiserver::internal {
namespace {

class StructureChecker {
 public:
  explicit StructureChecker(FieldErrors& errors) : errors_(errors) {}

  void Check(const json::Value& schema, const std::string& path) {
    CheckStructure(schema, Level::kRoot, path, 0);
    CheckComplete(schema, &schema, path, path, 0);
  }

 private:
  enum class Level { kRoot, kField, kItem };

  void CheckStructure(const json::Value& schema, Level level, const std::string& path, int depth);
  void CheckMetadata(const json::Value& metadata, bool is_object, Level level,
                     const std::string& path);
  void CheckJunctions(const json::Value& schema, const std::string& path, int depth);
  void CheckNested(const json::Value& schema, bool skip_any_of, const std::string& path, int depth);
  // What branches say about a place must be said about the place itself too.
  void CheckComplete(const json::Value& branch, const json::Value* schema, const std::string& path,
                     const std::string& branch_path, int depth);

  FieldErrors& errors_;
};

}  // namespace

void CheckStructural(const json::Value& schema, const std::string& path, FieldErrors& errors) {
  StructureChecker(errors).Check(schema, path);
}

namespace {

void StructureChecker::CheckStructure(const json::Value& schema, Level level,
                                      const std::string& path, int depth) {
  if (!schema.is_object()) return;
  if (depth > kMaxSchemaDepth) {
    errors_.push_back(Invalid(path, json::Value(""), "schema nests too deeply"));
    return;
  }
  const std::string type = Text(schema, "type");
  const bool preserves = Flag(schema, "x-kubernetes-preserve-unknown-fields");
  const bool int_or_string = Flag(schema, "x-kubernetes-int-or-string");
  const bool embedded = Flag(schema, "x-kubernetes-embedded-resource");
  const json::Value* items = Find(schema, "items");
  if (type == "array" && (items == nullptr || !items->is_object())) {
    errors_.push_back(Required(path + ".items", "must be specified"));
  }
  if (items != nullptr) CheckStructure(*items, Level::kItem, path + ".items", depth + 1);
  for (const auto& member : Map(schema, "properties")) {
    CheckStructure(member.value(), Level::kField,
                   fmt::format("{}.properties[{}]", path, std::string_view(member.key())),
                   depth + 1);
  }
  const json::Value* additional = Find(schema, "additionalProperties");
  if (additional != nullptr) {
    if (level == Level::kRoot) {
      errors_.push_back(Forbidden(path + ".additionalProperties", "must not be used at the root"));
    }
    CheckStructure(*additional, Level::kField, path + ".additionalProperties", depth + 1);
  }
  if (int_or_string && preserves) {
    errors_.push_back(Invalid(path + ".x-kubernetes-preserve-unknown-fields", json::Value(true),
                              "must be false if x-kubernetes-int-or-string is true"));
  }
  if (int_or_string && embedded) {
    errors_.push_back(Invalid(path + ".x-kubernetes-embedded-resource", json::Value(true),
                              "must be false if x-kubernetes-int-or-string is true"));
  }
  CheckJunctions(schema, path, depth);
  if (embedded && type != "object") {
    const std::string_view why = "must be object if x-kubernetes-embedded-resource is true";
    errors_.push_back(type.empty() ? Required(path + ".type", why)
                                   : Invalid(path + ".type", json::Value(type), why));
  } else if (type.empty() && !int_or_string && !preserves) {
    errors_.push_back(Required(
        path + ".type", level == Level::kRoot   ? "must not be empty at the root"
                        : level == Level::kItem ? "must not be empty for specified array items"
                                                : "must not be empty for specified object "
                                                  "fields"));
  }
  if (embedded && additional != nullptr) {
    errors_.push_back(Forbidden(path + ".additionalProperties",
                                "must not be used if x-kubernetes-embedded-resource is set"));
  }
  if (level == Level::kRoot && !type.empty() && type != "object") {
    errors_.push_back(Invalid(path + ".type", json::Value(type), "must be object at the root"));
  }
  const bool is_object = level == Level::kRoot || embedded;
  const json::Value* properties = Find(schema, "properties");
  for (std::string_view name : {"kind", "apiVersion"}) {
    const json::Value* property = properties == nullptr ? nullptr : Find(*properties, name);
    if (property == nullptr || !is_object || Text(*property, "type") == "string") continue;
    errors_.push_back(Invalid(fmt::format("{}.properties[{}].type", path, name),
                              json::Value(Text(*property, "type")), "must be string"));
  }
  if (const json::Value* metadata =
          properties == nullptr ? nullptr : Find(*properties, "metadata")) {
    CheckMetadata(*metadata, is_object, level, path + ".properties[metadata]");
  }
  if (embedded && !preserves && Map(schema, "properties").empty()) {
    errors_.push_back(
        Required(path + ".properties",
                 "must not be empty if x-kubernetes-embedded-resource is true without "
                 "x-kubernetes-preserve-unknown-fields"));
  }
}

void StructureChecker::CheckMetadata(const json::Value& metadata, bool is_object, Level level,
                                     const std::string& path) {
  if (is_object && Text(metadata, "type") != "object") {
    errors_.push_back(
        Invalid(path + ".type", json::Value(Text(metadata, "type")), "must be object"));
  }
  if (level != Level::kRoot || !metadata.is_object()) return;
  bool more = false;
  for (const auto& member : metadata.get_object()) {
    const std::string_view key(member.key());
    if (key == "type" || key == "default") continue;
    if (key != "properties") {
      more = true;
      continue;
    }
    for (const auto& property : Map(metadata, "properties")) {
      more |= property.key() != "name" && property.key() != "generateName";
    }
  }
  if (more) {
    errors_.push_back(Forbidden(path,
                                "must not specify anything other than name and generateName, but "
                                "metadata is implicitly specified"));
  }
}

void StructureChecker::CheckJunctions(const json::Value& schema, const std::string& path,
                                      int depth) {
  auto is_int_or_string = [](const json::Array& branches) {
    static const json::Value pattern =
        json::Array{json::Object{{"type", "integer"}}, json::Object{{"type", "string"}}};
    return json::Value(branches) == pattern;
  };
  const bool int_or_string = Flag(schema, "x-kubernetes-int-or-string");
  const json::Array& any_of = List(schema, "anyOf");
  const json::Array& all_of = List(schema, "allOf");
  if (!int_or_string || !is_int_or_string(any_of)) {
    for (std::size_t i = 0; i < any_of.size(); ++i) {
      CheckNested(any_of[i], false, fmt::format("{}.anyOf[{}]", path, i), depth + 1);
    }
  }
  for (std::size_t i = 0; i < all_of.size(); ++i) {
    const bool skip = i == 0 && int_or_string && is_int_or_string(List(all_of[0], "anyOf"));
    CheckNested(all_of[i], skip, fmt::format("{}.allOf[{}]", path, i), depth + 1);
  }
  const json::Array& one_of = List(schema, "oneOf");
  for (std::size_t i = 0; i < one_of.size(); ++i) {
    CheckNested(one_of[i], false, fmt::format("{}.oneOf[{}]", path, i), depth + 1);
  }
  if (const json::Value* negated = Find(schema, "not")) {
    CheckNested(*negated, false, path + ".not", depth + 1);
  }
  const std::string pattern = Text(schema, "pattern");
  if (!pattern.empty()) {
    re2::RE2 expression(pattern, re2::RE2::Quiet);
    if (!expression.ok()) {
      std::string why = expression.error().substr(0, expression.error().rfind(": "));
      if (why == "missing )") why = "missing closing )";
      errors_.push_back(Invalid(
          path + ".pattern", json::Value(pattern),
          fmt::format(
              "must be a valid regular expression, but isn't: error parsing regexp: {}: `{}`", why,
              expression.error_arg())));
    }
  }
}

void StructureChecker::CheckNested(const json::Value& schema, bool skip_any_of,
                                   const std::string& path, int depth) {
  if (!schema.is_object() || depth > kMaxSchemaDepth) return;
  json::Value rest = schema;
  if (skip_any_of) rest.get_object().erase("anyOf");
  CheckJunctions(rest, path, depth);
  if (const json::Value* items = Find(schema, "items")) {
    CheckNested(*items, false, path + ".items", depth + 1);
  }
  for (const auto& member : Map(schema, "properties")) {
    CheckNested(member.value(), false,
                fmt::format("{}.properties[{}]", path, std::string_view(member.key())), depth + 1);
  }
  auto forbid = [&](std::string_view key, std::string_view why) {
    errors_.push_back(Forbidden(fmt::format("{}.{}", path, key), why));
  };
  if (!Text(schema, "type").empty()) forbid("type", "must be empty to be structural");
  if (Find(schema, "additionalProperties") != nullptr) {
    forbid("additionalProperties", "must be undefined to be structural");
  }
  if (Find(schema, "default") != nullptr) forbid("default", "must be undefined to be structural");
  for (std::string_view key : {"title", "description"}) {
    if (!Text(schema, key).empty()) forbid(key, "must be empty to be structural");
  }
  for (std::string_view key : {"nullable", "x-kubernetes-preserve-unknown-fields",
                               "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"}) {
    if (Flag(schema, key)) forbid(key, "must be false to be structural");
  }
  if (!List(schema, "x-kubernetes-list-map-keys").empty()) {
    forbid("x-kubernetes-list-map-keys", "must be empty to be structural");
  }
  for (std::string_view key : {"x-kubernetes-list-type", "x-kubernetes-map-type"}) {
    if (Find(schema, key) != nullptr) forbid(key, "must be undefined to be structural");
  }
  if (!List(schema, "x-kubernetes-validations").empty()) {
    forbid("x-kubernetes-validations", "must be empty to be structural");
  }
  if (Map(schema, "properties").contains("metadata")) {
    forbid("properties[metadata]", "must not be specified in a nested context");
  }
}

void StructureChecker::CheckComplete(const json::Value& branch, const json::Value* schema,
                                     const std::string& path, const std::string& branch_path,
                                     int depth) {
  if (depth > kMaxSchemaDepth || !branch.is_object()) return;
  if (schema == nullptr) {
    errors_.push_back(Required(path, "because it is defined in " + branch_path));
    return;
  }
  const bool is_branch = path != branch_path;
  if (const json::Value* negated = Find(branch, "not")) {
    CheckComplete(*negated, schema, path, branch_path + ".not", depth + 1);
  }
  for (std::string_view key : {"allOf", "anyOf", "oneOf"}) {
    const json::Array& list = List(branch, key);
    for (std::size_t i = 0; i < list.size(); ++i) {
      CheckComplete(list[i], schema, path, fmt::format("{}.{}[{}]", branch_path, key, i),
                    depth + 1);
    }
  }
  if (!is_branch) return;
  if (const json::Value* items = Find(branch, "items")) {
    CheckComplete(*items, Find(*schema, "items"), path + ".items", branch_path + ".items",
                  depth + 1);
  }
  const json::Value* properties = Find(*schema, "properties");
  for (const auto& member : Map(branch, "properties")) {
    const std::string_view name(member.key());
    CheckComplete(member.value(), properties == nullptr ? nullptr : Find(*properties, name),
                  fmt::format("{}.properties[{}]", path, name),
                  fmt::format("{}.properties[{}]", branch_path, name), depth + 1);
  }
}

}  // namespace
}  // namespace kro::apiserver::internal
