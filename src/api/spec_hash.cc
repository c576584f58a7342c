#include "api/spec_hash.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/hash.h"

namespace kro::api {
namespace {

// Writes the JSON that upstream hashes: members in the order of its Go types, free-form parts with
// sorted keys, strings escaped as Go's encoder does.
class Writer {
 public:
  Result<std::string> Write(const json::Value& spec);

 private:
  // An object's text under construction: members are added in order, empty ones left out.
  void Begin() { text_ += '{'; }
  void End() { text_ += '}'; }
  void Key(std::string_view name);

  Result<void> Schema(const json::Value* schema);
  void Columns(const json::Array& columns);
  Result<void> Resources(const json::Value* resources);
  Result<void> Resource(const json::Value& resource, std::size_t index);
  void ExternalRef(const json::Value& ref);
  void Selector(const json::Value& selector);
  void ForEach(const json::Array& entries);

  void StringMember(const json::Value& object, std::string_view name, bool always = true);
  void SortedStrings(const json::Value& object, std::string_view name);
  void Strings(const json::Value& object, std::string_view name);
  void StringMap(std::string_view name, const json::Value* map);
  void StringMap(const json::Value& map);
  Result<void> FreeForm(const json::Value& object, std::string_view name, std::string_view where);

  Result<void> Any(const json::Value& value, int depth);
  Result<void> Number(double value);
  void String(std::string_view text);

  std::string text_;
};

const json::Array* ArrayOf(const json::Value& object, std::string_view name);

}  // namespace

Result<std::string> SpecHash(const json::Value& spec) {
  auto text = Writer().Write(spec);
  if (!text) return std::unexpected(text.error());
  return fmt::format("{:016x}", Fnv1a64(*text));
}

namespace {

Result<std::string> Writer::Write(const json::Value& spec) {
  Begin();
  if (auto done = Schema(json::Find(spec, "schema")); !done) return std::unexpected(done.error());
  if (auto done = Resources(json::Find(spec, "resources")); !done) {
    return std::unexpected(done.error());
  }
  End();
  return std::move(text_);
}

void Writer::Key(std::string_view name) {
  if (text_.back() != '{') text_ += ',';
  String(name);
  text_ += ':';
}

// Only a schema that is present gets the defaults.
Result<void> Writer::Schema(const json::Value* schema) {
  if (schema == nullptr || !schema->is_object()) return {};
  Key("schema");
  Begin();
  StringMember(*schema, "kind");
  StringMember(*schema, "apiVersion");
  Key("group");
  const std::string_view group = json::FindString(*schema, {"group"});
  String(group.empty() ? "kro.run" : group);
  for (const std::string_view name : {"spec", "types", "status"}) {
    auto done = FreeForm(*schema, name, fmt::format("schema.{}", name));
    if (!done) return done;
  }
  Key("scope");
  const std::string_view scope = json::FindString(*schema, {"scope"});
  String(scope.empty() ? "Namespaced" : scope);
  if (const auto* columns = ArrayOf(*schema, "additionalPrinterColumns")) Columns(*columns);
  Strings(*schema, "shortNames");
  Strings(*schema, "categories");
  if (const auto* metadata = json::Find(*schema, "metadata");
      metadata != nullptr && metadata->is_object()) {
    Key("metadata");
    Begin();
    StringMap("labels", json::Find(*metadata, "labels"));
    StringMap("annotations", json::Find(*metadata, "annotations"));
    End();
  }
  End();
  return {};
}

void Writer::Columns(const json::Array& columns) {
  if (columns.empty()) return;
  Key("additionalPrinterColumns");
  text_ += '[';
  for (const auto& column : columns) {
    if (text_.back() != '[') text_ += ',';
    Begin();
    StringMember(column, "name");
    StringMember(column, "type");
    StringMember(column, "format", false);
    StringMember(column, "description", false);
    if (const auto* priority = json::Find(column, "priority");
        priority != nullptr && priority->is_int64() && priority->get_int64() != 0) {
      Key("priority");
      text_ += fmt::to_string(priority->get_int64());
    }
    StringMember(column, "jsonPath");
    End();
  }
  text_ += ']';
}

Result<void> Writer::Resources(const json::Value* resources) {
  if (resources == nullptr || !resources->is_array() || resources->get_array().empty()) return {};
  std::vector<const json::Value*> sorted;
  for (const auto& resource : resources->get_array()) sorted.push_back(&resource);
  // Equal ids keep their order, which is that of their addresses.
  std::ranges::sort(sorted, [](const json::Value* a, const json::Value* b) {
    if (a->is_null() != b->is_null()) return a->is_null();
    const auto a_id = json::FindString(*a, {"id"});
    const auto b_id = json::FindString(*b, {"id"});
    return a_id != b_id ? a_id < b_id : a < b;
  });
  Key("resources");
  text_ += '[';
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) text_ += ',';
    if (auto done = Resource(*sorted[i], i); !done) return done;
  }
  text_ += ']';
  return {};
}

Result<void> Writer::Resource(const json::Value& resource, std::size_t index) {
  if (resource.is_null()) {
    text_ += "null";
    return {};
  }
  Begin();
  StringMember(resource, "id", false);
  auto done = FreeForm(resource, "template", fmt::format("resources[{}].template", index));
  if (!done) return done;
  if (const auto* ref = json::Find(resource, "externalRef"); ref != nullptr && ref->is_object()) {
    ExternalRef(*ref);
  }
  SortedStrings(resource, "readyWhen");
  SortedStrings(resource, "includeWhen");
  if (const auto* entries = ArrayOf(resource, "forEach"); entries != nullptr && !entries->empty()) {
    ForEach(*entries);
  }
  End();
  return {};
}

void Writer::ExternalRef(const json::Value& ref) {
  Key("externalRef");
  Begin();
  StringMember(ref, "apiVersion");
  StringMember(ref, "kind");
  Key("metadata");
  Begin();
  if (const auto* metadata = json::Find(ref, "metadata");
      metadata != nullptr && metadata->is_object()) {
    StringMember(*metadata, "name", false);
    StringMember(*metadata, "namespace", false);
    if (const auto* selector = json::Find(*metadata, "selector");
        selector != nullptr && selector->is_object()) {
      Selector(*selector);
    }
  }
  End();
  End();
}

void Writer::Selector(const json::Value& selector) {
  Key("selector");
  Begin();
  StringMap("matchLabels", json::Find(selector, "matchLabels"));
  if (const auto* entries = ArrayOf(selector, "matchExpressions");
      entries != nullptr && !entries->empty()) {
    Key("matchExpressions");
    text_ += '[';
    for (const auto& entry : *entries) {
      if (text_.back() != '[') text_ += ',';
      Begin();
      StringMember(entry, "key");
      StringMember(entry, "operator");
      Strings(entry, "values");
      End();
    }
    text_ += ']';
  }
  End();
}

void Writer::ForEach(const json::Array& entries) {
  Key("forEach");
  text_ += '[';
  for (const auto& entry : entries) {
    if (text_.back() != '[') text_ += ',';
    Begin();
    StringMap(entry);
    End();
  }
  text_ += ']';
}

void Writer::StringMember(const json::Value& object, std::string_view name, bool always) {
  const std::string_view value = json::FindString(object, {name});
  if (value.empty() && !always) return;
  Key(name);
  String(value);
}

void Writer::SortedStrings(const json::Value& object, std::string_view name) {
  const auto* array = ArrayOf(object, name);
  if (array == nullptr || array->empty()) return;
  std::vector<std::string_view> sorted;
  for (const auto& item : *array) {
    sorted.push_back(item.is_string() ? std::string_view(item.get_string()) : std::string_view());
  }
  std::ranges::sort(sorted);
  Key(name);
  text_ += '[';
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) text_ += ',';
    String(sorted[i]);
  }
  text_ += ']';
}

void Writer::Strings(const json::Value& object, std::string_view name) {
  const auto* array = ArrayOf(object, name);
  if (array == nullptr || array->empty()) return;
  Key(name);
  text_ += '[';
  for (const auto& item : *array) {
    if (text_.back() != '[') text_ += ',';
    String(item.is_string() ? std::string_view(item.get_string()) : std::string_view());
  }
  text_ += ']';
}

void Writer::StringMap(std::string_view name, const json::Value* map) {
  if (map == nullptr || !map->is_object() || map->get_object().empty()) return;
  Key(name);
  Begin();
  StringMap(*map);
  End();
}

void Writer::StringMap(const json::Value& map) {
  std::map<std::string_view, std::string_view> sorted;
  if (const auto* object = map.if_object()) {
    for (const auto& member : *object) sorted[member.key()] = json::FindString(map, {member.key()});
  }
  for (const auto& [key, value] : sorted) {
    Key(key);
    String(value);
  }
}

Result<void> Writer::FreeForm(const json::Value& object, std::string_view name,
                              std::string_view where) {
  Key(name);
  const auto* value = json::Find(object, name);
  if (value == nullptr) {
    text_ += "null";
    return {};
  }
  if (auto done = Any(*value, 0); !done) {
    return Annotate(done, "normalize {}: parse raw extension payload", where);
  }
  return {};
}

Result<void> Writer::Any(const json::Value& value, int depth) {
  if (depth > json::kMaxDepth) {
    return Fail(ErrorCode::kInvalid, "nesting deeper than {}", json::kMaxDepth);
  }
  switch (value.kind()) {
    case boost::json::kind::null:
      text_ += "null";
      return {};
    case boost::json::kind::bool_:
      text_ += value.get_bool() ? "true" : "false";
      return {};
    case boost::json::kind::int64: {
      constexpr std::int64_t kExact = std::int64_t{1} << 53;
      const std::int64_t number = value.get_int64();
      if (number > kExact || number < -kExact) {
        text_ += fmt::to_string(number);
        return {};
      }
      return Number(static_cast<double>(number));
    }
    case boost::json::kind::uint64:
      text_ += fmt::to_string(value.get_uint64());
      return {};
    case boost::json::kind::double_:
      return Number(value.get_double());
    case boost::json::kind::string:
      String(value.get_string());
      return {};
    case boost::json::kind::array:
      text_ += '[';
      for (const auto& item : value.get_array()) {
        if (&item != &value.get_array().front()) text_ += ',';
        if (auto done = Any(item, depth + 1); !done) return done;
      }
      text_ += ']';
      return {};
    case boost::json::kind::object: {
      std::vector<const boost::json::key_value_pair*> members;
      for (const auto& member : value.get_object()) members.push_back(&member);
      std::ranges::sort(members, [](const auto* a, const auto* b) {
        return std::string_view(a->key()) < std::string_view(b->key());
      });
      Begin();
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (i > 0) text_ += ',';
        String(members[i]->key());
        text_ += ':';
        if (auto done = Any(members[i]->value(), depth + 1); !done) return done;
      }
      End();
      return {};
    }
  }
  return {};
}

// Go's form: shortest digits that read back equal; an exponent below 1e-6 and from 1e21.
Result<void> Writer::Number(double value) {
  if (!std::isfinite(value)) {
    return Fail(ErrorCode::kInvalid,
                "json: cannot unmarshal number {} into Go value of type float64", value);
  }
  const double size = std::fabs(value);
  if (size != 0 && (size < 1e-6 || size >= 1e21)) {
    // Go writes e-7 where fmt writes e-07.
    std::string text = fmt::format("{}", value);
    const std::size_t mark = text.find('e');
    if (mark != std::string::npos && text[mark + 2] == '0') text.erase(mark + 2, 1);
    text_ += text;
    return {};
  }
  const std::string shortest = fmt::format("{}", value);
  if (shortest.find('e') == std::string::npos) {
    text_ += shortest;
    return {};
  }
  // Between 1e16 and 1e21 fmt uses an exponent: write the digits and pad with zeros.
  const std::size_t mark = shortest.find('e');
  std::string digits = shortest.substr(0, mark);
  const bool negative = digits.starts_with('-');
  if (negative) digits.erase(0, 1);
  const int exponent = std::stoi(shortest.substr(mark + 1));
  const std::size_t dot = digits.find('.');
  std::size_t fraction = 0;
  if (dot != std::string::npos) {
    fraction = digits.size() - dot - 1;
    digits.erase(dot, 1);
  }
  if (negative) text_ += '-';
  if (exponent >= 0) {
    text_ += digits;
    text_.append(static_cast<std::size_t>(exponent) - fraction, '0');
  } else {
    text_ += "0.";
    text_.append(static_cast<std::size_t>(-exponent) - 1, '0');
    text_ += digits;
  }
  return {};
}

// As Go's encoder with HTML escaping.
void Writer::String(std::string_view text) {
  text_ += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += text[i];
    } else if (c == '\n') {
      text_ += "\\n";
    } else if (c == '\r') {
      text_ += "\\r";
    } else if (c == '\t') {
      text_ += "\\t";
    } else if (c == '\b') {
      text_ += "\\b";
    } else if (c == '\f') {
      text_ += "\\f";
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
      text_ += fmt::format("\\u{:04x}", c);
    } else if (text.substr(i).starts_with("\xe2\x80\xa8") ||
               text.substr(i).starts_with("\xe2\x80\xa9")) {
      text_ += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      text_ += text[i];
    }
  }
  text_ += '"';
}

const json::Array* ArrayOf(const json::Value& object, std::string_view name) {
  const auto* value = json::Find(object, name);
  return value != nullptr ? value->if_array() : nullptr;
}

}  // namespace
}  // namespace kro::api
