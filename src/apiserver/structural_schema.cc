#include "apiserver/structural_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apiserver/internal/object_metadata.h"
#include "apiserver/internal/schema_node.h"
#include "apiserver/internal/value_validation.h"

namespace kro::apiserver {

using internal::Correlation;
using internal::SchemaNode;

struct StructuralSchema::State {
  std::unique_ptr<SchemaNode> root;
};

namespace {

constexpr std::string_view kNotChecked =
    "some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation";

bool IsTypeField(std::string_view name) {
  return name == "apiVersion" || name == "kind" || name == "metadata";
}
std::string Join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// Removes what a schema does not declare, and notes where it stood.
class Pruner {
 public:
  // `schema` is nullptr where nothing is declared.
  void Prune(json::Value& value, const SchemaNode* schema, bool embedded, const std::string& path);
  std::vector<std::string> removed;

 private:
  void PruneObject(json::Object& object, const SchemaNode* schema, bool embedded,
                   const std::string& path);
};

void DropNullsBelow(json::Value& value, const SchemaNode* schema);
void DefaultBelow(json::Value& value, const SchemaNode& schema);

// Checks and drops what metadata of the object and of embedded resources does not have.
class Coercer {
 public:
  void Coerce(json::Value& value, const SchemaNode& schema, bool embedded, const std::string& path);
  std::vector<std::string> unknown;
  std::string fault;
};

class RuleWalk {
 public:
  explicit RuleWalk(StructuralSchema::Verdict& verdict) : verdict_(verdict) {}

  // `old` is what the rules compare with, `correlation` what forgives; `parent_unchanged` decides
  // where nothing corresponds to the node itself.
  void Visit(const SchemaNode& schema, const json::Value& value, const json::Value* old,
             Correlation correlation, bool parent_unchanged, const std::string& path);

 private:
  StructuralSchema::Verdict& verdict_;
};

bool Blocks(const FieldError& error);
// The schema of the status stands alone: what is said names places below it, the fields are whole.
FieldErrors CheckStatus(const SchemaNode& root, const json::Value& object, const json::Value* old);

}  // namespace

Result<std::shared_ptr<const StructuralSchema>> StructuralSchema::Read(
    const json::Value& openapi_v3_schema) {
  auto root = SchemaNode::Read(openapi_v3_schema, true);
  if (!root) return std::unexpected(root.error());
  auto state = std::make_unique<State>();
  state->root = *std::move(root);
  return std::shared_ptr<const StructuralSchema>(new StructuralSchema(std::move(state)));
}

StructuralSchema::StructuralSchema(std::unique_ptr<State> state) : state_(std::move(state)) {}
StructuralSchema::~StructuralSchema() = default;

std::vector<std::string> StructuralSchema::Prune(json::Value& object) const {
  Pruner pruner;
  pruner.Prune(object, state_->root.get(), true, "");
  std::ranges::sort(pruner.removed);
  return std::move(pruner.removed);
}

void StructuralSchema::DropNulls(json::Value& object) const {
  DropNullsBelow(object, state_->root.get());
}

Answer<std::vector<std::string>> StructuralSchema::CoerceMetadata(json::Value& object) const {
  Coercer coercer;
  coercer.Coerce(object, *state_->root, true, "");
  if (!coercer.fault.empty()) {
    const std::string_view kind = json::FindString(object, {"kind"});
    std::string_view version = json::FindString(object, {"apiVersion"});
    version.remove_prefix(version.rfind('/') + 1);
    return BadRequest(fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", kind,
                                  version, kind, coercer.fault));
  }
  std::ranges::sort(coercer.unknown);
  return std::move(coercer.unknown);
}

void StructuralSchema::Default(json::Value& object) const { DefaultBelow(object, *state_->root); }

StructuralSchema::Verdict StructuralSchema::Validate(const json::Value& object,
                                                     const json::Value* old, Part part) const {
  const SchemaNode& root = *state_->root;
  Verdict verdict;
  auto add = [&](FieldErrors errors) {
    verdict.errors.insert(verdict.errors.end(), errors.begin(), errors.end());
  };
  if (part == Part::kStatus) {
    add(CheckStatus(root, object, old));
  } else {
    add(internal::CheckValue(root, object, old));
    add(internal::CheckEmbedded(root, object));
  }
  // Lists that were at fault before may stay so.
  if (old == nullptr || internal::CheckLists(root, *old).empty()) {
    add(internal::CheckLists(root, object));
  }
  if (!root.has_rules) return verdict;
  if (std::ranges::any_of(verdict.errors, Blocks)) {
    verdict.errors.push_back(Invalid("<nil>", json::Value(nullptr), kNotChecked));
    return verdict;
  }
  RuleWalk(verdict).Visit(root, object, old, {old}, false, "");
  return verdict;
}

namespace {

FieldErrors CheckStatus(const SchemaNode& root, const json::Value& object, const json::Value* old) {
  const SchemaNode* schema = root.FindProperty("status");
  const json::Value* status = json::Find(object, "status");
  if (schema == nullptr || status == nullptr) return {};
  FieldErrors errors =
      internal::CheckValue(*schema, *status, old == nullptr ? nullptr : json::Find(*old, "status"));
  for (FieldError& error : errors) {
    error.field = error.field == "<nil>" ? "status" : "status." + error.field;
  }
  return errors;
}

void Pruner::Prune(json::Value& value, const SchemaNode* schema, bool embedded,
                   const std::string& path) {
  if (json::Object* object = value.if_object()) {
    PruneObject(*object, schema, embedded, path);
  } else if (json::Array* array = value.if_array()) {
    // Lists of what is preserved are preserved, but for the parts that are declared.
    const SchemaNode* items = schema == nullptr ? nullptr : schema->items.get();
    if (schema != nullptr && schema->preserve_unknown && items == nullptr) return;
    for (std::size_t i = 0; i < array->size(); ++i) {
      Prune((*array)[i], items, items != nullptr && items->embedded,
            fmt::format("{}[{}]", path, i));
    }
  }
}

void Pruner::PruneObject(json::Object& object, const SchemaNode* schema, bool embedded,
                         const std::string& path) {
  for (auto member = object.begin(); member != object.end();) {
    const std::string_view name(member->key());
    if (schema != nullptr) {
      if (embedded && IsTypeField(name)) {
        ++member;
        continue;
      }
      const SchemaNode* below = schema->FindProperty(name);
      const bool additional = schema->additional_kind != SchemaNode::Additional::kNone;
      if (below != nullptr || additional) {
        if (below == nullptr) below = schema->additional.get();
        Prune(member->value(), below, below != nullptr && below->embedded, Join(path, name));
        ++member;
        continue;
      }
      if (schema->preserve_unknown) {
        ++member;
        continue;
      }
    }
    removed.push_back(Join(path, name));
    member = object.stable_erase(member);
  }
}

void DropNullsBelow(json::Value& value, const SchemaNode* schema) {
  if (json::Object* object = value.if_object()) {
    for (auto member = object->begin(); member != object->end();) {
      const SchemaNode* below = schema == nullptr ? nullptr : schema->Below(member->key());
      if (member->value().is_null() && below != nullptr && !below->nullable &&
          !below->default_value) {
        member = object->stable_erase(member);
        continue;
      }
      DropNullsBelow(member->value(), below);
      ++member;
    }
  } else if (json::Array* array = value.if_array()) {
    for (json::Value& item : *array) {
      DropNullsBelow(item, schema == nullptr ? nullptr : schema->items.get());
    }
  }
}

void DefaultBelow(json::Value& value, const SchemaNode& schema) {
  auto fill = [](json::Value& at, const SchemaNode& node) {
    if (at.is_null() && !node.nullable && node.default_value) at = *node.default_value;
  };
  if (json::Object* object = value.if_object()) {
    for (const SchemaNode::Property& property : schema.properties) {
      if (!property.node->default_value) continue;
      json::Value* at = object->if_contains(property.name);
      if (at == nullptr) {
        object->emplace(property.name, *property.node->default_value);
      } else {
        fill(*at, *property.node);
      }
    }
    for (auto& member : *object) {
      if (const SchemaNode* property = schema.FindProperty(member.key())) {
        DefaultBelow(member.value(), *property);
      } else if (schema.additional) {
        fill(member.value(), *schema.additional);
        DefaultBelow(member.value(), *schema.additional);
      }
    }
  } else if (json::Array* array = value.if_array()) {
    if (schema.items == nullptr) return;
    for (json::Value& item : *array) {
      fill(item, *schema.items);
      DefaultBelow(item, *schema.items);
    }
  }
}

void Coercer::Coerce(json::Value& value, const SchemaNode& schema, bool embedded,
                     const std::string& path) {
  if (!fault.empty()) return;
  if (json::Array* array = value.if_array()) {
    for (std::size_t i = 0; schema.items != nullptr && i < array->size(); ++i) {
      Coerce((*array)[i], *schema.items, schema.items->embedded, fmt::format("{}[{}]", path, i));
    }
    return;
  }
  json::Object* object = value.if_object();
  if (object == nullptr) return;
  if (embedded) {
    auto refuse = [&](std::string_view name, const json::Value& at, std::string_view why) {
      // Of the object itself the decoder says it plainly.
      fault = path.empty() ? std::string(why) : Invalid(Join(path, name), at, why).Text();
    };
    for (std::string_view name : {"apiVersion", "kind"}) {
      const json::Value* at = object->if_contains({name.data(), name.size()});
      if (at != nullptr && !at->is_string()) return refuse(name, *at, "must be a string");
    }
    if (json::Value* metadata = object->if_contains("metadata")) {
      if (auto wrong = internal::MetadataFault(*metadata)) {
        return refuse("metadata", *metadata, *wrong);
      }
      for (const std::string& name : internal::NormalizeMetadata(*metadata)) {
        unknown.push_back(Join(path, "metadata." + name));
      }
    }
  }
  for (auto& member : *object) {
    const std::string_view name(member.key());
    const SchemaNode* below = schema.Below(name);
    if (below != nullptr) Coerce(member.value(), *below, below->embedded, Join(path, name));
  }
}

void RuleWalk::Visit(const SchemaNode& schema, const json::Value& value, const json::Value* old,
                     Correlation correlation, bool parent_unchanged, const std::string& path) {
  if (!schema.has_rules || value.is_null()) return;
  const bool unchanged = correlation.old != nullptr
                             ? internal::IsUnchanged(&schema, value, correlation.old)
                             : parent_unchanged;
  if (schema.rules) {
    for (auto& violation : schema.rules->Check(path, value, old)) {
      if (!violation.is_transition && unchanged) {
        verdict_.warnings.push_back(violation.error.Text());
      } else {
        verdict_.errors.push_back(std::move(violation.error));
      }
    }
  }
  if (const json::Array* array = value.if_array()) {
    if (schema.items == nullptr) return;
    for (std::size_t i = 0; i < array->size(); ++i) {
      const json::Value* former = nullptr;
      if (old != nullptr && old->is_array() && schema.list == SchemaNode::List::kMap) {
        former = internal::FindByKeys(schema, old->get_array(), (*array)[i]);
      }
      Visit(*schema.items, (*array)[i], former, correlation.Item(&schema, value, i), unchanged,
            fmt::format("{}[{}]", path, i));
    }
    return;
  }
  const json::Object* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& member : *object) {
    const std::string_view name(member.key());
    const json::Value* former = old == nullptr ? nullptr : json::Find(*old, name);
    const Correlation below = correlation.Member(&schema, value, name);
    if (const SchemaNode* property = schema.FindProperty(name)) {
      Visit(*property, member.value(), former, below, unchanged, Join(path, name));
    } else if (schema.additional) {
      Visit(*schema.additional, member.value(), former, below, unchanged,
            fmt::format("{}[{}]", path, name));
    }
  }
}

bool Blocks(const FieldError& error) {
  return error.type == FieldErrorType::kNotSupported || error.type == FieldErrorType::kRequired ||
         error.type == FieldErrorType::kTooLong || error.type == FieldErrorType::kTooMany ||
         error.type == FieldErrorType::kTypeInvalid;
}

}  // namespace
}  // namespace kro::apiserver
