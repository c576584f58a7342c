#include "schema/compatibility.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace kro::schema {
namespace {

class Comparison {
 public:
  void Node(const json::Value& before, const json::Value& after, const std::string& path,
            int depth);
  CompatibilityReport Finish() { return std::move(report_); }

  enum class Impact { kHarmless, kBreaking };
  void Add(Impact impact, std::string path, std::string code, std::string before,
           std::string after);

 private:
  void Texts(const json::Value& before, const json::Value& after, const std::string& path);
  void Pattern(const json::Value& before, const json::Value& after, const std::string& path);
  void Bounds(const json::Value& before, const json::Value& after, const std::string& path);
  void Properties(const json::Value& before, const json::Value& after, const std::string& path,
                  int depth);
  void Required(const json::Value& before, const json::Value& after, const std::string& path);
  void Enum(const json::Value& before, const json::Value& after, const std::string& path);
  void Items(const json::Value& before, const json::Value& after, const std::string& path,
             int depth);

  CompatibilityReport report_;
};

using Impact = Comparison::Impact;

struct Bound {
  std::string_view member;  // "minLength"
  std::string_view code;    // "MIN_LENGTH"
  std::string_view name;    // "MinLength"
  bool lower;               // a larger value is stricter
};
constexpr Bound kBounds[] = {
    {"minimum", "MINIMUM", "Minimum", true},        {"maximum", "MAXIMUM", "Maximum", false},
    {"minLength", "MIN_LENGTH", "MinLength", true}, {"maxLength", "MAX_LENGTH", "MaxLength", false},
    {"minItems", "MIN_ITEMS", "MinItems", true},    {"maxItems", "MAX_ITEMS", "MaxItems", false},
};

bool SameValue(const json::Value& a, const json::Value& b, int depth = 0);
std::string KeyOf(const json::Value& value);
std::string Decimal(const json::Value& number);
std::set<std::string> Strings(const json::Value* array);
const json::Value* ObjectAt(const json::Value& schema, std::string_view key);
const json::Value* DefaultOf(const json::Value& schema);

}  // namespace

std::string SchemaChange::Text() const {
  const std::size_t dot = path.rfind('.');
  const std::string last = dot == std::string::npos ? path : path.substr(dot + 1);
  if (code == "PROPERTY_REMOVED") return fmt::format("Property {} was removed", last);
  if (code == "PROPERTY_ADDED") {
    return fmt::format("{} property {} was added",
                       after == "required=true" ? "Required" : "Optional", last);
  }
  if (code == "TYPE_CHANGED") return fmt::format("Type changed from {} to {}", before, after);
  if (code == "REQUIRED_ADDED") return fmt::format("Field {} is newly required", after);
  if (code == "REQUIRED_REMOVED") return fmt::format("Field {} is no longer required", before);
  if (code == "REQUIRED_DEFAULT_REMOVED") {
    return fmt::format("Default value removed from required field {}", before);
  }
  if (code == "ENUM_RESTRICTED") return fmt::format("Enum value {} was removed", before);
  if (code == "ENUM_EXPANDED") return fmt::format("Enum value {} was added", after);
  if (code == "PATTERN_CHANGED") {
    return fmt::format("Validation pattern changed from {} to {}", before, after);
  }
  if (code == "PATTERN_ADDED") return fmt::format("Validation pattern {} was added", after);
  if (code == "PATTERN_REMOVED") return fmt::format("Validation pattern {} was removed", before);
  if (code == "DESCRIPTION_CHANGED") {
    return fmt::format("Description field was changed from {} to {}", before, after);
  }
  if (code == "DEFAULT_CHANGED") {
    return fmt::format("Default value was changed from {} to {}", before, after);
  }
  for (const Bound& bound : kBounds) {
    if (!code.starts_with(bound.code)) continue;
    const std::string_view change = std::string_view(code).substr(bound.code.size());
    if (change == "_ADDED") return fmt::format("{} constraint {} was added", bound.name, after);
    if (change == "_REMOVED")
      return fmt::format("{} constraint {} was removed", bound.name, before);
    return fmt::format("{} was {} from {} to {}", bound.name,
                       change == "_INCREASED" ? "increased" : "decreased", before, after);
  }
  return fmt::format("Unknown change to {}", path);
}

std::string CompatibilityReport::Summary() const {
  constexpr std::size_t kShown = 3;
  if (breaking.empty()) return "no breaking changes";
  std::string summary;
  for (std::size_t i = 0; i < std::min(breaking.size(), kShown); ++i) {
    if (i > 0) summary += "; ";
    summary += breaking[i].Text();
  }
  if (breaking.size() > kShown) {
    summary += fmt::format("; and {} more changes", breaking.size() - kShown);
  }
  return summary;
}

CompatibilityReport CompareSchemas(const json::Value& before, const json::Value& after) {
  Comparison comparison;
  comparison.Node(before, after, "", 0);
  return comparison.Finish();
}

Result<CompatibilityReport> CompareCrds(const json::Value& before, const json::Value& after) {
  static const json::Array kNone;
  const auto versions = [](const json::Value& crd) -> const json::Array& {
    const auto* found = json::Find(crd, {"spec", "versions"});
    return found != nullptr && found->is_array() ? found->get_array() : kNone;
  };
  const json::Array& old_versions = versions(before);
  const json::Array& new_versions = versions(after);
  if (old_versions.size() != 1 || new_versions.size() != 1) {
    return Fail(ErrorCode::kInvalid,
                "expected exactly one version in each CRD, got {} old and {} new versions",
                old_versions.size(), new_versions.size());
  }
  const json::Value& old_version = old_versions[0];
  const json::Value& new_version = new_versions[0];
  const std::string_view old_name = json::FindString(old_version, {"name"});
  const std::string_view new_name = json::FindString(new_version, {"name"});
  Comparison comparison;
  if (old_name != new_name) {
    comparison.Add(Impact::kBreaking, "version", "TYPE_CHANGED", std::string(old_name),
                   std::string(new_name));
    return comparison.Finish();
  }
  const auto* old_schema = json::Find(old_version, {"schema", "openAPIV3Schema"});
  const auto* new_schema = json::Find(new_version, {"schema", "openAPIV3Schema"});
  if (old_schema == nullptr) {
    return Fail(ErrorCode::kInvalid, "old version {} has no schema", old_name);
  }
  if (new_schema == nullptr) {
    return Fail(ErrorCode::kInvalid, "new version {} has no schema", new_name);
  }
  comparison.Node(*old_schema, *new_schema, "", 0);
  const auto served = [](const json::Value& version) {
    const auto* value = json::Find(version, "served");
    return value != nullptr && value->is_bool() && value->get_bool();
  };
  if (served(old_version) && !served(new_version)) {
    comparison.Add(Impact::kBreaking, "version.served", "TYPE_CHANGED", "true", "false");
  }
  const auto has_status = [](const json::Value& version) {
    return json::Find(version, {"subresources", "status"}) != nullptr;
  };
  if (has_status(old_version) && !has_status(new_version)) {
    comparison.Add(Impact::kBreaking, "version.subresources.status", "PROPERTY_REMOVED", "", "");
  }
  return comparison.Finish();
}

namespace {

void Comparison::Add(Impact impact, std::string path, std::string code, std::string before,
                     std::string after) {
  auto& list = impact == Impact::kBreaking ? report_.breaking : report_.harmless;
  list.push_back({std::move(path), std::move(code), std::move(before), std::move(after)});
}

void Comparison::Node(const json::Value& before, const json::Value& after, const std::string& path,
                      int depth) {
  if (depth > json::kMaxDepth) return;
  Texts(before, after, path);
  const std::string_view old_type = json::FindString(before, {"type"});
  const std::string_view new_type = json::FindString(after, {"type"});
  if (old_type != new_type) {
    Add(Impact::kBreaking, path + ".type", "TYPE_CHANGED", std::string(old_type),
        std::string(new_type));
    return;
  }
  Pattern(before, after, path);
  Bounds(before, after, path);
  Properties(before, after, path, depth);
  Required(before, after, path);
  Enum(before, after, path);
  Items(before, after, path, depth);
}

void Comparison::Texts(const json::Value& before, const json::Value& after,
                       const std::string& path) {
  const std::string old_text(json::FindString(before, {"description"}));
  const std::string new_text(json::FindString(after, {"description"}));
  if (old_text != new_text) {
    Add(Impact::kHarmless, path + ".description", "DESCRIPTION_CHANGED", old_text, new_text);
  }
  const json::Value* old_default = DefaultOf(before);
  const json::Value* new_default = DefaultOf(after);
  const bool same = old_default != nullptr && new_default != nullptr
                        ? SameValue(*old_default, *new_default)
                        : old_default == new_default;
  if (!same) {
    Add(Impact::kHarmless, path + ".default", "DEFAULT_CHANGED",
        old_default == nullptr ? "" : json::Serialize(*old_default),
        new_default == nullptr ? "" : json::Serialize(*new_default));
  }
}

void Comparison::Pattern(const json::Value& before, const json::Value& after,
                         const std::string& path) {
  const std::string old_pattern(json::FindString(before, {"pattern"}));
  const std::string new_pattern(json::FindString(after, {"pattern"}));
  if (old_pattern == new_pattern) return;
  if (new_pattern.empty()) {
    Add(Impact::kHarmless, path + ".pattern", "PATTERN_REMOVED", old_pattern, "");
  } else {
    Add(Impact::kBreaking, path + ".pattern",
        old_pattern.empty() ? "PATTERN_ADDED" : "PATTERN_CHANGED", old_pattern, new_pattern);
  }
}

void Comparison::Bounds(const json::Value& before, const json::Value& after,
                        const std::string& path) {
  const auto number = [](const json::Value* value) -> std::optional<double> {
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
  };
  for (const Bound& bound : kBounds) {
    const json::Value* old_value = json::Find(before, bound.member);
    const json::Value* new_value = json::Find(after, bound.member);
    const auto old_number = number(old_value);
    const auto new_number = number(new_value);
    if (old_number == new_number) continue;
    const std::string old_text = old_number ? Decimal(*old_value) : "";
    const std::string new_text = new_number ? Decimal(*new_value) : "";
    std::string_view change = "_ADDED";
    bool stricter = true;
    if (!new_number) {
      change = "_REMOVED";
      stricter = false;
    } else if (old_number) {
      const bool increased = *new_number > *old_number;
      change = increased ? "_INCREASED" : "_DECREASED";
      stricter = increased == bound.lower;
    }
    Add(stricter ? Impact::kBreaking : Impact::kHarmless, fmt::format("{}.{}", path, bound.member),
        fmt::format("{}{}", bound.code, change), old_text, new_text);
  }
}

void Comparison::Properties(const json::Value& before, const json::Value& after,
                            const std::string& path, int depth) {
  static const json::Value kEmpty = json::Object();
  const json::Value* old_found = ObjectAt(before, "properties");
  const json::Value* new_found = ObjectAt(after, "properties");
  const json::Object& old_properties = (old_found ? *old_found : kEmpty).get_object();
  const json::Object& new_properties = (new_found ? *new_found : kEmpty).get_object();
  const std::set<std::string> required = Strings(json::Find(after, "required"));
  std::set<std::string> names;
  for (const auto& property : old_properties) names.emplace(property.key());
  for (const auto& property : new_properties) names.emplace(property.key());
  for (const auto& name : names) {
    const std::string where = fmt::format("{}.properties.{}", path, name);
    const json::Value* was = old_properties.if_contains(name);
    const json::Value* now = new_properties.if_contains(name);
    if (now == nullptr) {
      Add(Impact::kBreaking, where, "PROPERTY_REMOVED", "", "");
    } else if (was != nullptr) {
      Node(*was, *now, where, depth + 1);
    } else if (required.contains(name) && DefaultOf(*now) == nullptr) {
      Add(Impact::kBreaking, where, "PROPERTY_ADDED", "required=false", "required=true");
    } else {
      Add(Impact::kHarmless, where, "PROPERTY_ADDED", "", "");
    }
  }
}

void Comparison::Required(const json::Value& before, const json::Value& after,
                          const std::string& path) {
  const std::set<std::string> old_names = Strings(json::Find(before, "required"));
  const std::set<std::string> new_names = Strings(json::Find(after, "required"));
  const auto property = [](const json::Value& schema, const std::string& name) {
    return json::Find(schema, {"properties", name});
  };
  for (const auto& name : new_names) {
    const json::Value* was = property(before, name);
    if (!old_names.contains(name)) {
      if (was != nullptr) Add(Impact::kBreaking, path + ".required", "REQUIRED_ADDED", "", name);
      continue;
    }
    const json::Value* now = property(after, name);
    if (was != nullptr && now != nullptr && DefaultOf(*was) != nullptr &&
        DefaultOf(*now) == nullptr) {
      Add(Impact::kBreaking, path + ".required", "REQUIRED_DEFAULT_REMOVED", name, "");
    }
  }
  for (const auto& name : old_names) {
    if (!new_names.contains(name)) {
      Add(Impact::kHarmless, path + ".required", "REQUIRED_REMOVED", name, "");
    }
  }
}

void Comparison::Enum(const json::Value& before, const json::Value& after,
                      const std::string& path) {
  const auto* old_values = json::Find(before, "enum");
  const auto* new_values = json::Find(after, "enum");
  const auto listed = [](const json::Value* values) {
    return values != nullptr && values->is_array() && !values->get_array().empty();
  };
  if (!listed(old_values) || !listed(new_values)) return;
  // Of `from` what is not in `in`, each once. An enum may be as large as a CRD.
  const auto missing = [](const json::Value& from, const json::Value& in) {
    std::set<std::string> known;
    for (const auto& value : in.get_array()) known.insert(KeyOf(value));
    std::vector<std::string> texts;
    for (const auto& value : from.get_array()) {
      if (known.insert(KeyOf(value)).second) texts.push_back(json::Serialize(value));
    }
    return texts;
  };
  for (std::string& text : missing(*old_values, *new_values)) {
    Add(Impact::kBreaking, path + ".enum", "ENUM_RESTRICTED", std::move(text), "");
  }
  for (std::string& text : missing(*new_values, *old_values)) {
    Add(Impact::kHarmless, path + ".enum", "ENUM_EXPANDED", "", std::move(text));
  }
}

void Comparison::Items(const json::Value& before, const json::Value& after, const std::string& path,
                       int depth) {
  if (json::FindString(before, {"type"}) != "array") return;
  const json::Value* old_items = ObjectAt(before, "items");
  const json::Value* new_items = ObjectAt(after, "items");
  if (old_items != nullptr && new_items != nullptr) {
    Node(*old_items, *new_items, path + ".items", depth + 1);
  } else if (old_items != nullptr) {
    Add(Impact::kBreaking, path + ".items", "PROPERTY_REMOVED", "", "");
  } else if (new_items != nullptr) {
    Add(Impact::kHarmless, path + ".items", "PROPERTY_ADDED", "", "");
  }
}

bool SameValue(const json::Value& a, const json::Value& b, int depth) {
  if (depth > json::kMaxDepth) return false;
  if (a.is_number() && b.is_number()) {
    if (a.is_double() || b.is_double()) return a.to_number<double>() == b.to_number<double>();
    return a == b;
  }
  if (a.kind() != b.kind()) return false;
  if (a.is_array()) {
    return std::ranges::equal(a.get_array(), b.get_array(), [&](const auto& x, const auto& y) {
      return SameValue(x, y, depth + 1);
    });
  }
  if (a.is_object()) {
    if (a.get_object().size() != b.get_object().size()) return false;
    return std::ranges::all_of(a.get_object(), [&](const auto& member) {
      const json::Value* other = b.get_object().if_contains(member.key());
      return other != nullptr && SameValue(member.value(), *other, depth + 1);
    });
  }
  return a == b;
}

// The same for equal values: 1 and 1.0 are.
std::string KeyOf(const json::Value& value) {
  constexpr double kExact = 9007199254740992.0;
  const double* number = value.if_double();
  const bool integral = number != nullptr && *number >= -kExact && *number <= kExact &&
                        *number == std::trunc(*number);
  return integral ? json::Canonical(json::Value(static_cast<std::int64_t>(*number)))
                  : json::Canonical(value);
}

// Shortest digits that read back equal, never with an exponent.
std::string Decimal(const json::Value& number) {
  if (!number.is_double()) return json::Serialize(number);
  std::array<char, 512> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number.get_double(),
                                 std::chars_format::fixed);
  return {buffer.data(), end.ptr};
}

std::set<std::string> Strings(const json::Value* array) {
  std::set<std::string> strings;
  if (array == nullptr || !array->is_array()) return strings;
  for (const auto& item : array->get_array()) {
    if (item.is_string()) strings.emplace(item.get_string());
  }
  return strings;
}

const json::Value* ObjectAt(const json::Value& schema, std::string_view key) {
  const json::Value* value = json::Find(schema, key);
  return value != nullptr && value->is_object() ? value : nullptr;
}

// A default of null is none, as the API server stores it.
const json::Value* DefaultOf(const json::Value& schema) {
  const json::Value* value = json::Find(schema, "default");
  return value == nullptr || value->is_null() ? nullptr : value;
}

}  // namespace
}  // namespace kro::schema
