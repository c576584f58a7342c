#include "apiserver/internal/typed_decode.h"

#include <fmt/format.h>

#include <optional>
#include <set>

namespace kro::apiserver {
namespace {

// Walks object and type together. Both nest at most json::kMaxDepth deep, since the object was parsed.
class Decoder {
 public:
  explicit Decoder(std::string_view kind) : kind_(kind) {}

  Result<void> Walk(const TypeNode& type, json::Value& value, std::string& path);
  std::vector<std::string> unknown;

 private:
  Result<void> WalkObject(const TypeNode& type, json::Object& object, std::string& path);
  std::unexpected<Error> Mismatch(const json::Value& value, std::string_view path,
                                  std::string_view type) const;
  std::string_view kind_;
};

bool IsEmptyContainer(const TypeNode& type, const json::Value& value);
// Lists that a type prints also when they are empty.
bool IsPrintedEmpty(std::string_view kind, std::string_view path);

}  // namespace

Result<std::vector<std::string>> DecodeTyped(const ObjectSchema& structure, std::string_view kind,
                                             json::Value& object) {
  Decoder decoder(kind);
  std::string path;
  if (auto walked = decoder.Walk(structure.root(), object, path); !walked) {
    return std::unexpected(walked.error());
  }
  return std::move(decoder.unknown);
}

namespace {

Result<void> Decoder::Walk(const TypeNode& type, json::Value& value, std::string& path) {
  const bool anything = type.is_scalar && type.is_list && type.is_map;
  if (anything || type.free_form || value.is_null()) return {};
  if (json::Object* object = value.if_object()) {
    if (type.is_map) return WalkObject(type, *object, path);
    if (type.is_scalar && type.scalar == ScalarType::kUntyped) return {};
    return Mismatch(value, path, type.is_list ? "[]" : "string");
  }
  if (json::Array* array = value.if_array()) {
    if (!type.is_list) {
      if (type.is_scalar && type.scalar == ScalarType::kUntyped) return {};
      return Mismatch(value, path, type.is_map ? "map" : "string");
    }
    if (type.items == nullptr) return {};
    const std::size_t length = path.size();
    for (std::size_t i = 0; i < array->size(); ++i) {
      path += fmt::format("[{}]", i);
      if (auto walked = Walk(*type.items, (*array)[i], path); !walked) return walked;
      path.resize(length);
    }
    return {};
  }
  if (!type.is_scalar) {
    return Mismatch(value, path, type.is_list ? "[]string" : "map[string]string");
  }
  switch (type.scalar) {
    case ScalarType::kString:
      if (!value.is_string()) return Mismatch(value, path, "string");
      break;
    case ScalarType::kNumeric:
      if (!value.is_number()) return Mismatch(value, path, "int32");
      break;
    case ScalarType::kBoolean:
      if (!value.is_bool()) return Mismatch(value, path, "bool");
      break;
    case ScalarType::kUntyped:
      break;
  }
  return {};
}

Result<void> Decoder::WalkObject(const TypeNode& type, json::Object& object, std::string& path) {
  const std::size_t length = path.size();
  std::vector<std::string> gone;
  for (auto& member : object) {
    std::string_view key = member.key();
    if (!path.empty()) path += '.';
    path += key;
    const TypeNode* member_type = type.TypeOf(key);
    if (member_type == nullptr) {
      unknown.push_back(path);
      gone.emplace_back(key);
    } else {
      if (auto walked = Walk(*member_type, member.value(), path); !walked) return walked;
      bool declared = type.FindField(key) != nullptr;
      if (declared &&
          (member.value().is_null() ||
           (IsEmptyContainer(*member_type, member.value()) && !IsPrintedEmpty(kind_, path)))) {
        gone.emplace_back(key);
      }
    }
    path.resize(length);
  }
  for (const std::string& key : gone) {
    // Keeps the order of the rest, unlike erase.
    object.stable_erase(object.find(key));
  }
  return {};
}

std::unexpected<Error> Decoder::Mismatch(const json::Value& value, std::string_view path,
                                         std::string_view type) const {
  std::string_view found = json::TypeName(value);
  if (found == "integer") found = "number";
  if (found == "boolean") found = "bool";
  std::string field;
  for (std::string_view rest = path; !rest.empty();) {
    std::size_t bracket = rest.find('[');
    field += rest.substr(0, bracket);
    if (bracket == std::string_view::npos) break;
    rest.remove_prefix(std::min(rest.find(']', bracket), rest.size() - 1) + 1);
  }
  // Members of a map are reported at the map.
  if (type == "string" && (field.starts_with("data.") || field.starts_with("metadata.labels.") ||
                           field.starts_with("metadata.annotations."))) {
    field.resize(field.starts_with("data.") ? 4 : field.find('.', 9));
  }
  std::string_view owner = kind_;
  if (field.starts_with("metadata.")) {
    owner = "ObjectMeta";
  }
  return Fail(ErrorCode::kInvalid,
              "json: cannot unmarshal {} into Go struct field {}.{} of type {}", found, owner,
              field, type);
}

bool IsEmptyContainer(const TypeNode& type, const json::Value& value) {
  if (type.is_list && type.is_map) return false;  // of any type
  if (const json::Array* array = value.if_array()) return array->empty();
  const json::Object* object = value.if_object();
  return object != nullptr && object->empty() && !type.free_form && type.fields.empty() &&
         type.element != nullptr;
}

bool IsPrintedEmpty(std::string_view kind, std::string_view path) {
  static const std::set<std::pair<std::string_view, std::string_view>> kPrinted = {
      {"ClusterRole", "rules"},
      {"Role", "rules"},
      {"CustomResourceDefinition", "status.storedVersions"},
      {"CustomResourceDefinition", "status.conditions"},
      {"EndpointSlice", "endpoints"},
      {"EndpointSlice", "ports"},
  };
  return kPrinted.contains({kind, path});
}

}  // namespace
}  // namespace kro::apiserver
