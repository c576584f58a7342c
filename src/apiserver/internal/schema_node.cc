#include "apiserver/internal/schema_node.h"

#include <algorithm>
#include <utility>

#include "apiserver/internal/formats.h"
#include "apiserver/internal/whole_number.h"

namespace kro::apiserver::internal {
namespace {

// Kubernetes refuses deeper schemas long before.
constexpr int kMaxDepth = 200;

class NodeReader {
 public:
  Result<std::unique_ptr<SchemaNode>> Read(const json::Value& schema, bool is_root, int depth);

 private:
  Result<void> ReadChildren(SchemaNode& node, const json::Object& schema, int depth);
  Result<void> ReadJunctions(SchemaNode& node, const json::Object& schema, int depth);
};

const json::Value* Get(const json::Object& schema, std::string_view key) {
  return schema.if_contains({key.data(), key.size()});
}
std::string Text(const json::Object& schema, std::string_view key);
bool Flag(const json::Object& schema, std::string_view key);
std::optional<double> Number(const json::Object& schema, std::string_view key);
std::optional<std::int64_t> Count(const json::Object& schema, std::string_view key);
std::vector<std::string> Texts(const json::Object& schema, std::string_view key);

}  // namespace

const SchemaNode* SchemaNode::FindProperty(std::string_view name) const {
  auto found = std::ranges::lower_bound(
      properties, name, {}, [](const Property& p) -> std::string_view { return p.name; });
  return found != properties.end() && found->name == name ? found->node.get() : nullptr;
}

const SchemaNode* SchemaNode::Below(std::string_view name) const {
  const SchemaNode* property = FindProperty(name);
  return property != nullptr ? property : additional.get();
}

Result<std::unique_ptr<SchemaNode>> SchemaNode::Read(const json::Value& schema, bool is_root) {
  return NodeReader().Read(schema, is_root, 0);
}

namespace {

Result<std::unique_ptr<SchemaNode>> NodeReader::Read(const json::Value& value, bool is_root,
                                                     int depth) {
  if (!value.is_object()) return Fail(ErrorCode::kInvalid, "schema is no object");
  if (depth > kMaxDepth) return Fail(ErrorCode::kInvalid, "schema nests deeper than {}", kMaxDepth);
  const json::Object& schema = value.get_object();
  auto node = std::make_unique<SchemaNode>();
  node->type = Text(schema, "type");
  if (!node->type.empty()) node->types = {node->type};
  if (Flag(schema, "x-kubernetes-int-or-string")) node->types = {"integer", "string"};
  node->format = CheckedFormat(node->types, Text(schema, "format"));
  node->nullable = Flag(schema, "nullable");
  node->preserve_unknown = Flag(schema, "x-kubernetes-preserve-unknown-fields");
  node->embedded = Flag(schema, "x-kubernetes-embedded-resource");
  const json::Value* standard = Get(schema, "default");
  if (standard != nullptr && !standard->is_null()) node->default_value = *standard;
  if (const json::Value* values = Get(schema, "enum"); values != nullptr && values->is_array()) {
    node->enumeration.assign(values->get_array().begin(), values->get_array().end());
  }
  node->minimum = Number(schema, "minimum");
  node->maximum = Number(schema, "maximum");
  node->multiple_of = Number(schema, "multipleOf");
  node->exclusive_minimum = Flag(schema, "exclusiveMinimum");
  node->exclusive_maximum = Flag(schema, "exclusiveMaximum");
  node->min_length = Count(schema, "minLength");
  node->max_length = Count(schema, "maxLength");
  node->min_items = Count(schema, "minItems");
  node->max_items = Count(schema, "maxItems");
  node->min_properties = Count(schema, "minProperties");
  node->max_properties = Count(schema, "maxProperties");
  node->pattern = Text(schema, "pattern");
  if (!node->pattern.empty()) {
    node->expression = std::make_unique<re2::RE2>(node->pattern, re2::RE2::Quiet);
    if (!node->expression->ok()) {
      return Fail(ErrorCode::kInvalid, "pattern '{}': {}", node->pattern,
                  node->expression->error());
    }
  }
  node->required = Texts(schema, "required");
  const std::string list = Text(schema, "x-kubernetes-list-type");
  node->list = list == "set"   ? SchemaNode::List::kSet
               : list == "map" ? SchemaNode::List::kMap
                               : SchemaNode::List::kAtomic;
  node->list_keys = Texts(schema, "x-kubernetes-list-map-keys");
  if (auto read = ReadChildren(*node, schema, depth); !read) return std::unexpected(read.error());
  if (auto read = ReadJunctions(*node, schema, depth); !read) return std::unexpected(read.error());
  if (const json::Value* rules = Get(schema, "x-kubernetes-validations");
      rules != nullptr && rules->is_array() && !rules->get_array().empty()) {
    auto compiled = Rules::Compile(value, is_root);
    if (!compiled) return std::unexpected(compiled.error());
    node->rules = *std::move(compiled);
    node->has_rules = true;
  }
  return node;
}

Result<void> NodeReader::ReadChildren(SchemaNode& node, const json::Object& schema, int depth) {
  if (const json::Value* properties = Get(schema, "properties");
      properties != nullptr && properties->is_object()) {
    for (const auto& member : properties->get_object()) {
      auto read = Read(member.value(), false, depth + 1);
      if (!read) return Annotate(read, "{}", std::string_view(member.key()));
      node.has_rules |= (*read)->has_rules;
      node.properties.push_back({std::string(member.key()), *std::move(read)});
    }
    std::ranges::sort(node.properties, {}, &SchemaNode::Property::name);
  }
  if (const json::Value* items = Get(schema, "items"); items != nullptr && items->is_object()) {
    auto read = Read(*items, false, depth + 1);
    if (!read) return Annotate(read, "items");
    node.has_rules |= (*read)->has_rules;
    node.items = *std::move(read);
  }
  const json::Value* additional = Get(schema, "additionalProperties");
  if (additional == nullptr || additional->is_null()) return {};
  if (additional->is_bool()) {
    node.additional_kind = additional->get_bool() ? SchemaNode::Additional::kAnything
                                                  : SchemaNode::Additional::kRefused;
    return {};
  }
  auto read = Read(*additional, false, depth + 1);
  if (!read) return Annotate(read, "additionalProperties");
  node.has_rules |= (*read)->has_rules;
  node.additional_kind = SchemaNode::Additional::kSchema;
  node.additional = *std::move(read);
  return {};
}

Result<void> NodeReader::ReadJunctions(SchemaNode& node, const json::Object& schema, int depth) {
  const std::pair<std::string_view, std::vector<std::unique_ptr<SchemaNode>>*> lists[] = {
      {"allOf", &node.all_of}, {"anyOf", &node.any_of}, {"oneOf", &node.one_of}};
  for (const auto& [name, branches] : lists) {
    const json::Value* list = Get(schema, name);
    if (list == nullptr || !list->is_array()) continue;
    for (const json::Value& branch : list->get_array()) {
      auto read = Read(branch, false, depth + 1);
      if (!read) return Annotate(read, "{}", name);
      branches->push_back(*std::move(read));
    }
  }
  if (const json::Value* negated = Get(schema, "not"); negated != nullptr && negated->is_object()) {
    auto read = Read(*negated, false, depth + 1);
    if (!read) return Annotate(read, "not");
    node.negated = *std::move(read);
  }
  return {};
}

std::string Text(const json::Object& schema, std::string_view key) {
  const json::Value* value = Get(schema, key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool Flag(const json::Object& schema, std::string_view key) {
  const json::Value* value = Get(schema, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::optional<double> Number(const json::Object& schema, std::string_view key) {
  const json::Value* value = Get(schema, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::optional<std::int64_t> Count(const json::Object& schema, std::string_view key) {
  const json::Value* value = Get(schema, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  return value->is_uint64() ? INT64_MAX : WholePart(value->get_double());
}

std::vector<std::string> Texts(const json::Object& schema, std::string_view key) {
  std::vector<std::string> texts;
  const json::Value* list = Get(schema, key);
  if (list == nullptr || !list->is_array()) return texts;
  for (const json::Value& item : list->get_array()) {
    if (item.is_string()) texts.emplace_back(item.get_string());
  }
  return texts;
}

}  // namespace
}  // namespace kro::apiserver::internal
