#include "schema/simpleschema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/go_quote.h"
#include "cel/library/regex_pattern.h"
#include "json/go_type.h"
#include "schema/internal/go_text.h"
#include "schema/internal/markers.h"
#include "schema/openapi.h"

namespace kro::schema {
namespace {

constexpr int kMaxCollections = 16;
// Inline structs may nest this deep; the API server's own limit is near.
constexpr int kMaxStructs = 100;
// Nodes of the finished schema: custom types are inlined, so a few lines can ask for billions. No API server
// stores a CRD with as many; texts count too, a node for this many bytes.
constexpr std::size_t kMaxNodes = 50'000;
constexpr std::size_t kBytesOfNode = 32;
constexpr std::size_t kMaxFaults = 10'000;  // of more nobody reads
// Instructions of all patterns once they are compiled; of an ordinary one there are some fifty. The API server
// compiles them as well.
constexpr int kMaxPatternSteps = 1'000'000;
constexpr int kMaxHints = 100;  // looking for the type that was meant takes time

constexpr std::string_view kListType = "x-kubernetes-list-type";
constexpr std::string_view kListMapKeys = "x-kubernetes-list-map-keys";
constexpr std::string_view kValidations = "x-kubernetes-validations";

struct FieldDefinition;

// A field as written: a type expression with markers, or members.
struct FieldType {
  enum class Kind { kAtomic, kObject, kList, kMap, kNamed, kStruct, kFaulty } kind = Kind::kAtomic;
  std::string name;                                // of an atomic (its OpenAPI type) or named type
  std::unique_ptr<FieldType> element;              // of a list or map
  std::map<std::string, FieldDefinition> members;  // of a struct
};

struct FieldDefinition {
  FieldType type;
  std::string text;         // as written; empty for structs
  std::size_t markers = 0;  // where they begin in `text`, 0: none
};

// Of something that was reported.
FieldDefinition FaultyField();
json::Object FaultySchema() { return {{"type", kFaultyType}}; }

// A fault before its place is known. Without text: what was reported already.
struct Fault {
  std::string code;
  std::string text;
  Span span;
  std::string hint;
};

// A finished custom type.
struct NamedType {
  json::Value schema;
  bool required = false;  // as an alias with required=true
  std::size_t nodes = 1;
};

class Builder {
 public:
  explicit Builder(const SimpleSchemaSource& source) : source_(source), path_(source.root) {}

  SpecSchema Build(const json::Value* spec, const json::Value* types);

 private:
  void ReadTypes(const json::Value& types);
  bool Read(const json::Value& value, int depth, FieldDefinition& out);
  std::expected<FieldType, Fault> ReadType(std::string_view text, int depth);

  // Where a type is used.
  struct Use {
    json::FieldPath path;
    std::string text;  // of the field
  };

  void CheckDependencies();
  void FindFaultyUses(const std::string& own, const FieldDefinition& field, FieldType& type,
                      std::map<std::string, Use>& uses);
  void Visit(const std::string& name, std::vector<std::string>& open, std::set<std::string>& done);
  void BuildType(const std::string& name);

  // The schema of one field with its markers; `required` is set if the parent must list it.
  std::expected<json::Object, Fault> BuildField(const FieldDefinition& field, bool& required);
  json::Object BuildStruct(const FieldType& type);
  std::expected<json::Object, Fault> BuildTypeSchema(const FieldType& type, std::size_t& nodes);
  std::expected<void, Fault> Count(std::size_t nodes);
  std::string HintForType(std::string_view name);

  void Report(const Fault& fault, const std::string& expression);
  // The chain that upstream puts before an error at the current path.
  std::string Wrap(const std::string& text) const;

  const SimpleSchemaSource& source_;
  json::FieldPath path_;
  std::string stage_;                // "parsing type T: ", "building schema for T: " or ""
  std::vector<std::string> fields_;  // from the section or type down to the current field
  std::map<std::string, FieldDefinition> definitions_;
  std::vector<std::string> order_;  // of the custom types, dependencies first
  std::map<std::string, NamedType> types_;
  std::size_t nodes_ = 0;
  bool too_large_ = false;
  int hints_left_ = kMaxHints;
  int pattern_steps_left_ = kMaxPatternSteps;
  Diagnostics diagnostics_;
};

void CollectNames(const FieldType& type, std::set<std::string>& names);
// The keys of a list of kind map, for looking them up.
using ListKeys = std::set<std::string, std::less<>>;

std::expected<void, Fault> ApplyMarker(const Marker& marker, json::Object& schema, ListKeys& keys,
                                       bool& required, int& pattern_steps_left);
std::expected<json::Value, Fault> DefaultValue(const Marker& marker, std::string_view type);
std::expected<void, Fault> ApplyEnum(const Marker& marker, std::string_view type,
                                     json::Object& schema);
std::expected<void, Fault> ApplyPattern(const Marker& marker, std::string_view type,
                                        json::Object& schema, int& steps_left);
std::expected<void, Fault> ApplyListMarker(const Marker& marker, std::string_view type,
                                           json::Object& schema, ListKeys& keys);
std::string TypeHintFor(const json::Value& value);
std::string MarkerHint(const MarkerError& error);
std::string TypeHint(std::string_view name, const std::map<std::string, FieldDefinition>& types);
std::string_view StringAt(const json::Object& schema, std::string_view key);

std::unexpected<Fault> BadMarker(const Marker& marker, std::string text) {
  return std::unexpected(Fault{"KRO302", std::move(text), marker.span, {}});
}

}  // namespace

json::Parsed<json::Value> BuildSpecSchema(const json::Value* spec, const json::Value* types,
                                          const SimpleSchemaSource& source) {
  SpecSchema built = Builder(source).Build(spec, types);
  if (!built.faults.empty()) return std::unexpected(std::move(built.faults));
  return std::move(built.schema);
}

SpecSchema BuildFaultySpecSchema(const json::Value* spec, const json::Value* types,
                                 const SimpleSchemaSource& source) {
  return Builder(source).Build(spec, types);
}

namespace {

SpecSchema Builder::Build(const json::Value* spec, const json::Value* types) {
  if (types != nullptr && !types->is_null()) {
    path_.Push("types");
    ReadTypes(*types);
    CheckDependencies();
    for (const auto& name : order_) BuildType(name);
    path_.Pop();
    stage_.clear();
  }
  json::Value schema = json::Object{{"type", "object"}};
  if (spec != nullptr && !spec->is_null()) {
    path_.Push("spec");
    FieldDefinition root;
    if (!spec->is_object()) {
      Report({"KRO103", fmt::format("unexpected type: {}", json::GoType(*spec)), {}, {}}, {});
      schema = nullptr;
    } else {
      Read(*spec, 0, root);
      json::Object built = BuildStruct(root.type);
      if (!root.type.members.empty()) schema = std::move(built);
    }
    path_.Pop();
  }
  return {OrderSchema(schema), std::move(diagnostics_)};
}

void Builder::ReadTypes(const json::Value& types) {
  if (!types.is_object()) {
    Report({"KRO103", fmt::format("unexpected type: {}", json::GoType(types)), {}, {}}, {});
    return;
  }
  std::map<std::string, const json::Value*> sorted;
  for (const auto& type : types.get_object()) sorted.emplace(type.key(), &type.value());
  for (const auto& [name, value] : sorted) {
    stage_ = fmt::format("parsing type {}: ", name);
    path_.Push(name);
    FieldDefinition& definition = definitions_[name];
    if (!Read(*value, 0, definition)) definition = FaultyField();
    path_.Pop();
  }
}

// False if the field itself cannot be read; members that cannot are reported and faulty.
bool Builder::Read(const json::Value& value, int depth, FieldDefinition& out) {
  if (const auto* object = value.if_object()) {
    out.type.kind = FieldType::Kind::kStruct;
    if (depth > kMaxStructs) {
      Report({"KRO301", fmt::format("structs nest deeper than {}", kMaxStructs), {}, {}}, {});
      return false;
    }
    std::map<std::string, const json::Value*> sorted;
    for (const auto& member : *object) sorted.emplace(member.key(), &member.value());
    for (const auto& [name, member] : sorted) {
      path_.Push(name);
      fields_.push_back(name);
      FieldDefinition field;
      if (!Read(*member, depth + 1, field)) field = FaultyField();
      out.type.members.emplace(name, std::move(field));
      fields_.pop_back();
      path_.Pop();
    }
    return true;
  }
  if (!value.is_string()) {
    Report(
        {"KRO103", fmt::format("unexpected type: {}", json::GoType(value)), {}, TypeHintFor(value)},
        {});
    return false;
  }
  out.text = value.get_string();
  const std::size_t bar = out.text.find('|');
  if (bar != std::string::npos) out.markers = bar + 1;
  auto type = ReadType(std::string_view(out.text).substr(0, bar), 0);
  if (!type) {
    Report(type.error(), out.text);
    return false;
  }
  out.type = *std::move(type);
  return true;
}

std::expected<FieldType, Fault> Builder::ReadType(std::string_view text, int depth) {
  text = Trim(text);
  const auto fail = [](std::string message) {
    return std::unexpected(Fault{"KRO301", std::move(message), {}, {}});
  };
  if (text.empty()) return fail("empty type");
  if (depth > kMaxCollections) {
    return fail(fmt::format("type nesting too deep (max {}): {}", kMaxCollections, GoQuote(text)));
  }
  FieldType type;
  constexpr std::pair<std::string_view, std::string_view> kAtomics[] = {
      {"string", "string"}, {"integer", "integer"}, {"boolean", "boolean"}, {"float", "number"}};
  for (const auto& [name, openapi] : kAtomics) {
    if (text == name) {
      type.name = openapi;
      return type;
    }
  }
  if (text == "object") {
    type.kind = FieldType::Kind::kObject;
    return type;
  }
  constexpr std::string_view kMapPrefix = "map[string]";
  std::string_view element;
  if (text.starts_with("[]")) {
    type.kind = FieldType::Kind::kList;
    element = Trim(text.substr(2));
    if (element.empty()) return fail("empty slice element type");
  } else if (text.starts_with("map[")) {
    type.kind = FieldType::Kind::kMap;
    if (!text.starts_with(kMapPrefix)) return fail("map key must be string");
    element = Trim(text.substr(kMapPrefix.size()));
    if (element.empty()) return fail("map value type is required");
  } else {
    type.kind = FieldType::Kind::kNamed;
    type.name = text;
    return type;
  }
  auto inner = ReadType(element, depth + 1);
  if (!inner) return inner;
  type.element = std::make_unique<FieldType>(*std::move(inner));
  return type;
}

// What refers to a type that is not there, or to the one that it belongs to, is faulty.
void Builder::CheckDependencies() {
  stage_.clear();
  for (auto& [name, definition] : definitions_) {
    std::map<std::string, Use> uses;
    path_.Push(name);
    FindFaultyUses(name, definition, definition.type, uses);
    path_.Pop();
    for (const auto& [used, use] : uses) {
      const json::FieldPath before = std::exchange(path_, use.path);
      if (used == name) {
        Report({"KRO304", "self references are not allowed", {}, {}}, use.text);
      } else {
        Report({"KRO301", fmt::format("node {} does not exist", used), {}, HintForType(used)},
               use.text);
      }
      path_ = before;
    }
  }
  std::set<std::string> done;
  for (const auto& [name, definition] : definitions_) {
    std::vector<std::string> open;
    Visit(name, open, done);
  }
}

// Adds the first place of each name, and makes all places faulty.
void Builder::FindFaultyUses(const std::string& own, const FieldDefinition& field, FieldType& type,
                             std::map<std::string, Use>& uses) {
  if (type.kind == FieldType::Kind::kNamed &&
      (type.name == own || !definitions_.contains(type.name))) {
    if (!uses.contains(type.name)) uses.emplace(type.name, Use{path_, field.text});
    type.kind = FieldType::Kind::kFaulty;
  }
  if (type.element) FindFaultyUses(own, field, *type.element, uses);
  for (auto& [name, member] : type.members) {
    path_.Push(name);
    FindFaultyUses(own, member, member.type, uses);
    path_.Pop();
  }
}

// Depth first, so that order_ has dependencies first. The depth is at most the number of types, so
// the API server's limit on object size bounds it. The types of a cycle become faulty.
void Builder::Visit(const std::string& name, std::vector<std::string>& open,
                    std::set<std::string>& done) {
  FieldDefinition& definition = definitions_[name];
  if (done.contains(name) || definition.type.kind == FieldType::Kind::kFaulty) return;
  const auto begin = std::ranges::find(open, name);
  if (begin != open.end() || open.size() > 1000) {
    std::string cycle;
    for (auto step = begin; step != open.end(); ++step) cycle += *step + " -> ";
    path_.Push(name);
    Report({"KRO304",
            begin == open.end()
                ? std::string("types depend on each other more than 1000 deep")
                : fmt::format("cyclic dependency in type {}: graph contains a cycle: {}{}", name,
                              cycle, name),
            {},
            {}},
           definition.text);
    path_.Pop();
    for (auto step = begin; step != open.end(); ++step) definitions_[*step] = FaultyField();
    definition = FaultyField();
    return;
  }
  open.push_back(name);
  std::set<std::string> names;
  CollectNames(definition.type, names);
  for (const auto& used : names) Visit(used, open, done);
  open.pop_back();
  done.insert(name);
  order_.push_back(name);
}

void Builder::BuildType(const std::string& name) {
  stage_ = fmt::format("building schema for {}: ", name);
  path_.Push(name);
  const std::size_t before = nodes_;
  NamedType type;
  const FieldDefinition& definition = definitions_[name];
  auto schema = BuildField(definition, type.required);
  if (schema) {
    type.schema = *std::move(schema);
  } else {
    Report(schema.error(), definition.text);
    type.schema = FaultySchema();
  }
  type.nodes = nodes_ - before;
  types_.insert_or_assign(name, std::move(type));
  path_.Pop();
}

std::expected<json::Object, Fault> Builder::BuildField(const FieldDefinition& field,
                                                       bool& required) {
  if (field.type.kind == FieldType::Kind::kStruct) return BuildStruct(field.type);
  nodes_ += field.text.size() / kBytesOfNode;
  std::size_t nodes = 0;
  auto schema = BuildTypeSchema(field.type, nodes);
  if (!schema) return schema;
  if (StringAt(*schema, "type") == kFaultyType) return schema;
  if (field.type.kind == FieldType::Kind::kNamed) required = types_[field.type.name].required;
  if (field.markers == 0) return schema;

  // The type is known whatever is wrong with the markers.
  bool faulty = false;
  const auto refuse = [&](Fault fault) {
    faulty = true;
    fault.span.begin += static_cast<std::uint32_t>(field.markers);
    fault.span.end += static_cast<std::uint32_t>(field.markers);
    Report(fault, field.text);
  };
  auto markers = ScanMarkers(std::string_view(field.text).substr(field.markers));
  if (!markers) {
    refuse({"KRO302", markers.error().text, markers.error().span, MarkerHint(markers.error())});
    return schema;
  }
  ListKeys keys;
  if (const auto* inherited = schema->if_contains(kListMapKeys)) {
    for (const auto& key : inherited->as_array()) keys.emplace(key.as_string());
  }
  for (const auto& marker : *markers) {
    if (auto done = ApplyMarker(marker, *schema, keys, required, pattern_steps_left_); !done)
      refuse(done.error());
  }
  const std::string_view list_type = StringAt(*schema, kListType);
  if (!faulty && schema->contains(kListMapKeys) && list_type != "map") {
    const std::string is = list_type.empty() ? "unset" : fmt::format("set to {}", list_type);
    refuse({"KRO302",
            fmt::format("listMapKey set while listType is {}, listType must be set to map", is),
            markers->back().span,
            {}});
  }
  return schema;
}

json::Object Builder::BuildStruct(const FieldType& type) {
  json::Object properties;
  json::Array required_names;
  bool has_default = false;
  if (auto counted = Count(1); !counted) {
    Report(counted.error(), {});
    return {};
  }
  for (const auto& [name, member] : type.members) {
    path_.Push(name);
    fields_.push_back(name);
    bool required = false;
    nodes_ += name.size() / kBytesOfNode;
    auto schema = BuildField(member, required);
    if (schema) {
      if (required) required_names.push_back(json::Value(name));
      has_default = has_default || schema->contains("default");
      properties[name] = *std::move(schema);
    } else {
      Report(schema.error(), member.text);
      properties[name] = FaultySchema();
    }
    fields_.pop_back();
    path_.Pop();
  }
  json::Object schema{{"type", "object"}};
  if (!properties.empty()) schema["properties"] = std::move(properties);
  if (!required_names.empty()) {
    schema["required"] = std::move(required_names);
  } else if (has_default) {
    schema["default"] = json::Object();
  }
  return schema;
}

std::expected<json::Object, Fault> Builder::BuildTypeSchema(const FieldType& type,
                                                            std::size_t& nodes) {
  if (auto counted = Count(1); !counted) return std::unexpected(counted.error());
  switch (type.kind) {
    case FieldType::Kind::kAtomic:
      return json::Object{{"type", type.name}};
    case FieldType::Kind::kObject:
      return json::Object{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
    case FieldType::Kind::kStruct:
      return BuildStruct(type);
    case FieldType::Kind::kFaulty:
      return FaultySchema();
    case FieldType::Kind::kNamed: {
      const auto found = types_.find(type.name);
      if (found == types_.end()) {
        if (definitions_.contains(type.name)) return FaultySchema();
        return std::unexpected(Fault{
            "KRO301", fmt::format("unknown type: {}", type.name), {}, HintForType(type.name)});
      }
      if (auto counted = Count(found->second.nodes); !counted) {
        return std::unexpected(counted.error());
      }
      return found->second.schema.is_object() ? found->second.schema.get_object() : json::Object();
    }
    case FieldType::Kind::kList:
    case FieldType::Kind::kMap: {
      auto element = BuildTypeSchema(*type.element, nodes);
      if (!element) return element;
      if (type.kind == FieldType::Kind::kList) {
        return json::Object{{"type", "array"}, {"items", *std::move(element)}};
      }
      return json::Object{{"type", "object"}, {"additionalProperties", *std::move(element)}};
    }
  }
  return json::Object();
}

std::expected<void, Fault> Builder::Count(std::size_t nodes) {
  nodes_ += nodes;
  if (nodes_ <= kMaxNodes) return {};
  if (std::exchange(too_large_, true)) return std::unexpected(Fault());
  return std::unexpected(
      Fault{"KRO301",
            fmt::format("the schema grows beyond {} fields; types are inlined", kMaxNodes),
            {},
            {}});
}

std::string Builder::HintForType(std::string_view name) {
  return hints_left_-- > 0 ? TypeHint(name, definitions_) : std::string();
}

void Builder::Report(const Fault& fault, const std::string& expression) {
  if (fault.text.empty() || diagnostics_.size() >= kMaxFaults) return;
  Diagnostic diagnostic{.code = fault.code, .message = fault.text};
  diagnostic.hint = fault.hint;
  diagnostic.where.source = source_.name;
  diagnostic.where.path = path_.ToString();
  diagnostic.where.expression = expression;
  if (!expression.empty()) {
    const auto size = static_cast<std::uint32_t>(expression.size());
    diagnostic.where.span = fault.span.end > 0 ? fault.span : Span{0, size};
  }
  if (source_.map != nullptr) {
    diagnostic.where.position =
        expression.empty() ? source_.map->Of(path_) : source_.map->Within(path_, fault.span.begin);
  }
  diagnostic.compatible = Wrap(fault.text);
  diagnostics_.push_back(std::move(diagnostic));
}

std::string Builder::Wrap(const std::string& text) const {
  std::string chain = stage_;
  for (const auto& field : fields_) chain += fmt::format("field {}: ", field);
  return chain + text;
}

FieldDefinition FaultyField() {
  FieldDefinition field;
  field.type.kind = FieldType::Kind::kFaulty;
  return field;
}

void CollectNames(const FieldType& type, std::set<std::string>& names) {
  if (type.kind == FieldType::Kind::kNamed) names.insert(type.name);
  if (type.element) CollectNames(*type.element, names);
  for (const auto& [name, member] : type.members) CollectNames(member.type, names);
}

std::expected<void, Fault> ApplyMarker(const Marker& marker, json::Object& schema, ListKeys& keys,
                                       bool& required, int& pattern_steps_left) {
  const std::string_view type = StringAt(schema, "type");
  const auto bad = [&](std::string text) { return BadMarker(marker, std::move(text)); };
  const auto add_rule = [&](std::string_view rule, std::string_view message) {
    if (!schema.contains(kValidations)) schema[kValidations] = json::Array();
    schema[kValidations].as_array().push_back(json::Object{{"rule", rule}, {"message", message}});
  };
  if (marker.key == "required") {
    auto value = ParseGoBool(marker.value);
    if (!value) return bad("failed to parse required marker value: " + value.error().message());
    required = required || *value;
  } else if (marker.key == "default") {
    auto value = DefaultValue(marker, type);
    if (!value) return std::unexpected(value.error());
    schema["default"] = *std::move(value);
  } else if (marker.key == "description") {
    schema.erase("description");
    if (!marker.value.empty()) schema["description"] = marker.value;
  } else if (marker.key == "minimum" || marker.key == "maximum") {
    auto value = ParseGoFloat(marker.value);
    if (!value) {
      return bad(
          fmt::format("failed to parse {} enum value: {}", marker.key, value.error().message()));
    }
    if (!std::isfinite(*value)) {
      return bad(fmt::format("{} must be a finite number, got: {}", marker.key, marker.value));
    }
    constexpr double kExact = 9007199254740992.0;
    if (*value == std::trunc(*value) && std::fabs(*value) <= kExact) {
      schema[marker.key] = static_cast<std::int64_t>(*value);
    } else {
      schema[marker.key] = *value;
    }
  } else if (marker.key == "validation") {
    if (Trim(marker.value).empty()) return bad("validation failed");
    add_rule(marker.value, "validation failed");
  } else if (marker.key == "immutable") {
    auto value = ParseGoBool(marker.value);
    if (!value) return bad("failed to parse immutable marker value: " + value.error().message());
    if (*value) add_rule("self == oldSelf", "field is immutable");
  } else if (marker.key == "enum") {
    return ApplyEnum(marker, type, schema);
  } else if (marker.key == "pattern") {
    return ApplyPattern(marker, type, schema, pattern_steps_left);
  } else if (marker.key == "minLength" || marker.key == "maxLength") {
    if (type != "string") {
      return bad(
          fmt::format("{} marker is only valid for string types, got type: {}", marker.key, type));
    }
    auto value = ParseGoInt(marker.value);
    if (!value) {
      return bad(fmt::format("failed to parse {} value: {}", marker.key, value.error().message()));
    }
    schema[marker.key] = *value;
  } else {
    return ApplyListMarker(marker, type, schema, keys);
  }
  return {};
}

// Upstream stores the text as raw JSON; what would not be JSON is mended where its meaning is plain.
std::expected<json::Value, Fault> DefaultValue(const Marker& marker, std::string_view type) {
  const auto bad = [&](std::string_view what, std::string_view hint = {}) {
    return std::unexpected(
        Fault{"KRO303", fmt::format("default value must be {}, got: {}", what, marker.value),
              marker.span, std::string(hint)});
  };
  if (type == "string") {
    // Escapes of JSON count, as they did when the text became JSON between two quotes.
    auto parsed = json::Parse('"' + marker.value + '"');
    if (parsed && parsed->is_string()) return *std::move(parsed);
    return json::Value(marker.value);
  }
  if (type == "integer") {
    auto value = ParseGoInt(marker.value);
    if (!value) return bad("a valid integer");
    return json::Value(*value);
  }
  if (type == "number") {
    auto value = ParseGoFloat(marker.value);
    if (!value || !std::isfinite(*value)) return bad("a valid number");
    auto exact = json::Parse(marker.value);
    if (exact && exact->is_number()) return *std::move(exact);
    return json::Value(*value);
  }
  if (type == "boolean") {
    auto value = ParseGoBool(marker.value);
    if (!value) return bad("a valid boolean");
    return json::Value(*value);
  }
  if (marker.value.empty()) return json::Value(nullptr);
  auto value = json::Parse(marker.value);
  if (!value) return bad("valid JSON", "JSON has keys and text in double quotes: {\"a\": \"b\"}");
  return *std::move(value);
}

std::expected<void, Fault> ApplyEnum(const Marker& marker, std::string_view type,
                                     json::Object& schema) {
  json::Array values;
  std::string_view rest = marker.value;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = Trim(rest.substr(0, comma));
    if (item.empty()) return BadMarker(marker, "empty enum values are not allowed");
    if (type == "string") {
      values.push_back(json::Value(item));
    } else if (type == "integer") {
      auto value = ParseGoInt(item);
      if (!value) {
        return BadMarker(marker, "failed to parse integer enum value: " + value.error().message());
      }
      values.push_back(json::Value(*value));
    } else {
      return BadMarker(
          marker,
          fmt::format("enum values only supported for string and integer types, got type: {}",
                      type));
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  schema["enum"] = std::move(values);
  return {};
}

std::expected<void, Fault> ApplyPattern(const Marker& marker, std::string_view type,
                                        json::Object& schema, int& steps_left) {
  if (marker.value.empty()) return BadMarker(marker, "pattern marker value cannot be empty");
  if (type != "string") {
    return BadMarker(
        marker, fmt::format("pattern marker is only valid for string types, got type: {}", type));
  }
  if (steps_left < 0) return std::unexpected(Fault());
  const auto regex = cel::CompilePattern(marker.value);
  if (!regex) return BadMarker(marker, "invalid pattern regex: " + regex.error().message());
  steps_left -= (*regex)->ProgramSize();
  if (steps_left < 0) return BadMarker(marker, "the patterns of this definition are too large");
  schema["pattern"] = marker.value;
  return {};
}

std::expected<void, Fault> ApplyListMarker(const Marker& marker, std::string_view type,
                                           json::Object& schema, ListKeys& keys) {
  const auto bad = [&](std::string text) { return BadMarker(marker, std::move(text)); };
  const std::string list_type(StringAt(schema, kListType));
  if (marker.key == "uniqueItems") {
    auto value = ParseGoBool(marker.value);
    if (!value) return bad("failed to parse uniqueItems marker value: " + value.error().message());
    if (type != "array") {
      return bad(
          fmt::format("uniqueItems marker is only valid for array types, got type: {}", type));
    }
    if (!*value) return {};
    if (!list_type.empty() && list_type != "set") {
      return bad(fmt::format("cannot set unique when listType is set to {}", list_type));
    }
    schema[kListType] = "set";
  } else if (marker.key == "minItems" || marker.key == "maxItems") {
    if (type != "array") {
      return bad(
          fmt::format("{} marker is only valid for array types, got type: {}", marker.key, type));
    }
    auto value = ParseGoInt(marker.value);
    if (!value) {
      return bad(fmt::format("failed to parse {} value: {}", marker.key, value.error().message()));
    }
    schema[marker.key] = *value;
  } else if (marker.key == "listType") {
    if (type != "array") return bad("listType marker only applies to array types");
    if (marker.value != "atomic" && marker.value != "set" && marker.value != "map") {
      return bad(
          fmt::format("unsupported value for listType {}, needs to be one of atomic, set, or map",
                      marker.value));
    }
    if (!list_type.empty() && list_type != marker.value) {
      return bad(
          fmt::format("listType attempting to overwrite set type of {}, this can happen if you set "
                      "contradictory markers like unique=true | listType=map",
                      list_type));
    }
    schema[kListType] = marker.value;
  } else {
    if (type != "array") return bad("listMapKey marker only applies to array types");
    if (!keys.insert(marker.value).second) {
      return bad(fmt::format("duplicate listMapKey marker, value {}", marker.value));
    }
    if (!schema.contains(kListMapKeys)) schema[kListMapKeys] = json::Array();
    schema[kListMapKeys].as_array().push_back(json::Value(marker.value));
  }
  return {};
}

std::string TypeHint(std::string_view name, const std::map<std::string, FieldDefinition>& types) {
  constexpr std::pair<std::string_view, std::string_view> kOthers[] = {
      {"int", "integer"},   {"int32", "integer"}, {"int64", "integer"}, {"long", "integer"},
      {"bool", "boolean"},  {"number", "float"},  {"double", "float"},  {"float32", "float"},
      {"float64", "float"}, {"str", "string"},    {"any", "object"},    {"map", "map[string]T"},
      {"array", "[]T"},     {"list", "[]T"}};
  for (const auto& [other, ours] : kOthers) {
    if (name == other) return fmt::format("did you mean '{}'?", ours);
  }
  std::vector<std::string> names = {"string", "integer", "boolean", "float", "object"};
  for (const auto& [type, definition] : types) names.push_back(type);
  const auto near = DidYouMean(name, names);
  return near ? fmt::format("did you mean '{}'?", *near) : "declare it in spec.schema.types";
}

// Where a type is expected.
std::string TypeHintFor(const json::Value& value) {
  constexpr std::string_view kText = "a field is declared by its type, for instance '{}'";
  if (value.is_null()) return fmt::format(kText, "string");
  if (value.is_bool()) return fmt::format(kText, "boolean");
  if (value.is_array()) return "a list is declared as '\"[]string\"'";
  return fmt::format(kText, value.is_double() ? "float" : "integer");
}

std::string MarkerHint(const MarkerError& error) {
  if (error.key.starts_with('|')) return "markers are separated by blanks";
  if (!error.key.empty()) {
    const auto near = DidYouMean(error.key, MarkerKeys());
    return near ? fmt::format("did you mean '{}'?", *near) : std::string();
  }
  for (const std::string_view flag : {"required", "immutable", "uniqueItems"}) {
    if (error.text == fmt::format("marker key '{}' without a value", flag))
      return fmt::format("write '{}=true'", flag);
  }
  return {};
}

std::string_view StringAt(const json::Object& schema, std::string_view key) {
  const auto* value = schema.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

}  // namespace
}  // namespace kro::schema
