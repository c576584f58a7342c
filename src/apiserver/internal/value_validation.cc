#include "apiserver/internal/value_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "api/gvk.h"
#include "apiserver/internal/formats.h"
#include "apiserver/internal/object_metadata.h"
#include "apiserver/internal/typed.h"
#include "base/go_quote.h"
#include "cel/value.h"

namespace kro::apiserver::internal {
namespace {

// Errors, each once, and how much fitted, which decides between the branches of anyOf and oneOf.
struct Result {
  FieldErrors errors;
  int matches = 0;

  bool valid() const { return errors.empty(); }
  void Add(FieldError error);
  void Merge(Result other);
};

class Validator {
 public:
  // `path` is "spec.a"; empty: the object.
  Result Validate(const SchemaNode& schema, const json::Value& value, const std::string& path,
                  Correlation correlation) const;

 private:
  Result ValidateChild(const SchemaNode& schema, const json::Value& value, const std::string& path,
                       Correlation correlation) const;
  Result CheckType(const SchemaNode& schema, const json::Value& value,
                   const std::string& path) const;
  Result CheckJunctions(const SchemaNode& schema, const json::Value& value, const std::string& path,
                        Correlation correlation) const;
  Result CheckString(const SchemaNode& schema, std::string_view text,
                     const std::string& path) const;
  Result CheckNumber(const SchemaNode& schema, const json::Value& value,
                     const std::string& path) const;
  Result CheckList(const SchemaNode& schema, const json::Value& value, const std::string& path,
                   Correlation correlation) const;
  Result CheckEnum(const SchemaNode& schema, const json::Value& value,
                   const std::string& path) const;
  Result CheckObject(const SchemaNode& schema, const json::Value& value, const std::string& path,
                     Correlation correlation) const;
};

std::string FieldOf(std::string_view path);
std::string_view TypeWord(const json::Value& value);
// Whether Go's decoder makes a float64 of it: it has a fraction or an exponent, or no int64 holds it.
bool IsFloat(const json::Value& value);
std::string_view FormatWord(const json::Value& value);
bool Allows(const SchemaNode& schema, std::string_view type) {
  return std::ranges::find(schema.types, type) != schema.types.end();
}
bool IsWhole(const json::Value& number);
double ToDouble(const json::Value& number);
// What cannot be said with a schema's number type: `Checked value must be of type integer …`.
std::optional<std::string> RangeError(double number, const SchemaNode& schema,
                                      std::string_view prefix, const std::string& path);
std::string ShowNumber(const json::Value& like, double number);
FieldError NoField(std::string_view text);

}  // namespace

Correlation Correlation::Member(const SchemaNode* node, const json::Value& value,
                                std::string_view name) const {
  if (old == nullptr || !old->is_object() || !value.is_object()) return {};
  if (node == nullptr || node->Below(name) == nullptr) return {};
  return {json::Find(*old, name)};
}

Correlation Correlation::Item(const SchemaNode* node, const json::Value& value,
                              std::size_t index) const {
  if (old == nullptr || !old->is_array() || !value.is_array()) return {};
  if (node == nullptr || node->list != SchemaNode::List::kMap) return {};
  return {FindByKeys(*node, old->get_array(), value.get_array()[index])};
}

bool IsUnchanged(const SchemaNode* node, const json::Value& value, const json::Value* old) {
  if (old == nullptr) return false;
  if (value.is_array() && old->is_array() && node != nullptr &&
      node->list == SchemaNode::List::kMap) {
    const json::Array& items = value.get_array();
    if (items.size() != old->get_array().size()) return false;
    for (const json::Value& item : items) {
      if (!IsUnchanged(node->items.get(), item, FindByKeys(*node, old->get_array(), item))) {
        return false;
      }
    }
    return true;
  }
  if (value.is_object() && old->is_object()) {
    if (value.get_object().size() != old->get_object().size()) return false;
    for (const auto& member : value.get_object()) {
      const SchemaNode* below = node == nullptr ? nullptr : node->Below(member.key());
      if (!IsUnchanged(below, member.value(), json::Find(*old, std::string_view(member.key())))) {
        return false;
      }
    }
    return true;
  }
  return value.kind() == old->kind() && DeepEqual(value, *old);
}

const json::Value* FindByKeys(const SchemaNode& list, const json::Array& items,
                              const json::Value& item) {
  if (!item.is_object() || list.list_keys.empty()) return nullptr;
  auto same = [&](const json::Value& other) {
    return std::ranges::all_of(list.list_keys, [&](const std::string& key) {
      const json::Value* left = json::Find(item, key);
      const json::Value* right = json::Find(other, key);
      if (left == nullptr || right == nullptr) return left == right;
      return DeepEqual(*left, *right);
    });
  };
  auto found = std::ranges::find_if(items, same);
  return found == items.end() ? nullptr : &*found;
}

FieldErrors CheckValue(const SchemaNode& schema, const json::Value& value, const json::Value* old) {
  Result result = Validator().Validate(schema, value, "", {old});
  if (!result.valid() && IsUnchanged(&schema, value, old)) return {};
  return std::move(result.errors);
}

FieldErrors CheckLists(const SchemaNode& schema, const json::Value& value) {
  FieldErrors errors;
  auto visit = [&](auto&& self, const SchemaNode& node, const json::Value& at,
                   const std::string& path) -> void {
    if (const json::Object* object = at.if_object()) {
      for (const auto& member : *object) {
        const std::string_view name(member.key());
        if (const SchemaNode* property = node.FindProperty(name)) {
          self(self, *property, member.value(),
               path.empty() ? std::string(name) : fmt::format("{}.{}", path, name));
        }
        if (node.additional) {
          self(self, *node.additional, member.value(), fmt::format("{}[{}]", path, name));
        }
      }
      return;
    }
    const json::Array* array = at.if_array();
    if (array == nullptr) return;
    std::set<std::string> seen;
    std::set<std::string> reported;
    for (std::size_t i = 0; node.list != SchemaNode::List::kAtomic && i < array->size(); ++i) {
      const std::string place = fmt::format("{}[{}]", path, i);
      json::Value key = (*array)[i];
      if (node.list == SchemaNode::List::kMap) {
        if (!key.is_object() && !key.is_null()) {
          errors.push_back(Invalid(place, key, "must be an object for an array of list-type map"));
          break;
        }
        json::Object keys;
        for (const std::string& name : node.list_keys) {
          const json::Value* own = json::Find((*array)[i], name);
          if (own != nullptr) keys[name] = *own;
        }
        key = std::move(keys);
      }
      const std::string text = json::Canonical(key);
      if (!seen.insert(text).second && reported.insert(text).second) {
        errors.push_back(Duplicate(place, key));
      }
    }
    if (node.items == nullptr) return;
    for (std::size_t i = 0; i < array->size(); ++i) {
      self(self, *node.items, (*array)[i], fmt::format("{}[{}]", path, i));
    }
  };
  visit(visit, schema, value, "");
  return errors;
}

FieldErrors CheckEmbedded(const SchemaNode& schema, const json::Value& value) {
  FieldErrors errors;
  auto visit = [&](auto&& self, const SchemaNode& node, const json::Value& at,
                   const std::string& path) -> void {
    if (const json::Array* array = at.if_array()) {
      for (std::size_t i = 0; node.items != nullptr && i < array->size(); ++i) {
        self(self, *node.items, (*array)[i], fmt::format("{}[{}]", path, i));
      }
    }
    const json::Object* object = at.if_object();
    if (object == nullptr) return;
    if (node.embedded) {
      for (std::string_view name : {"apiVersion", "kind"}) {
        const std::string field = fmt::format("{}.{}", path, name);
        const json::Value* text = object->if_contains({name.data(), name.size()});
        if (text == nullptr) {
          errors.push_back(Required(field));
        } else if (!text->is_string()) {
          errors.push_back(Invalid(field, *text, "must be a string"));
        } else if (text->get_string().empty()) {
          errors.push_back(Invalid(field, *text, "must not be empty"));
        } else if (name == "apiVersion") {
          auto version = api::GroupVersion::Parse(text->get_string());
          if (!version) errors.push_back(Invalid(field, *text, version.error().message()));
        } else if (auto fault = KindFault(text->get_string())) {
          errors.push_back(Invalid(field, *text, *fault));
        }
      }
      if (const json::Value* metadata = object->if_contains("metadata")) {
        if (auto fault = MetadataFault(*metadata)) {
          errors.push_back(Invalid(path + ".metadata", *metadata, *fault));
        }
      }
    }
    for (const auto& member : *object) {
      const std::string_view name(member.key());
      if (const SchemaNode* property = node.FindProperty(name)) {
        self(self, *property, member.value(),
             path.empty() ? std::string(name) : fmt::format("{}.{}", path, name));
      } else if (node.additional) {
        self(self, *node.additional, member.value(), fmt::format("{}[{}]", path, name));
      }
    }
  };
  visit(visit, schema, value, "");
  return errors;
}

namespace {

void Result::Add(FieldError error) {
  if (std::ranges::find(errors, error) == errors.end()) errors.push_back(std::move(error));
}

void Result::Merge(Result other) {
  for (FieldError& error : other.errors) Add(std::move(error));
  matches += other.matches;
}

Result Validator::Validate(const SchemaNode& schema, const json::Value& value,
                           const std::string& path, Correlation correlation) const {
  Result result;
  if (value.is_null()) {
    result.Merge(CheckType(schema, value, path));
    result.Merge(CheckEnum(schema, value, path));
    return result;
  }
  auto step = [&](Result part) {
    result.Merge(std::move(part));
    ++result.matches;
  };
  if (!schema.types.empty() || !schema.format.empty()) step(CheckType(schema, value, path));
  step(CheckJunctions(schema, value, path, correlation));
  if (value.is_string()) {
    const std::string_view text = value.get_string();
    step(CheckString(schema, text, path));
    if (!schema.format.empty()) {
      Result part;
      if (!HasFormat(schema.format, text)) {
        part.Add(TypeInvalid(
            FieldOf(path), value,
            fmt::format("{} in body must be of type {}: {}", path, schema.format, GoQuote(text))));
      }
      step(std::move(part));
    }
  }
  if (value.is_number()) step(CheckNumber(schema, value, path));
  if (value.is_array()) step(CheckList(schema, value, path, correlation));
  step(CheckEnum(schema, value, path));
  if (value.is_object()) step(CheckObject(schema, value, path, correlation));
  ++result.matches;
  return result;
}

// A node whose value did not change is forgiven all that is wrong there.
Result Validator::ValidateChild(const SchemaNode& schema, const json::Value& value,
                                const std::string& path, Correlation correlation) const {
  Result result = Validate(schema, value, path, correlation);
  if (!result.valid() && IsUnchanged(&schema, value, correlation.old)) result.errors.clear();
  return result;
}

Result Validator::CheckType(const SchemaNode& schema, const json::Value& value,
                            const std::string& path) const {
  Result result;
  ++result.matches;
  auto wrong = [&](std::string_view wanted, std::string_view found) {
    Result refused;
    refused.Add(TypeInvalid(FieldOf(path), json::Value(found),
                            fmt::format("{} in body must be of type {}: {}", path, wanted,
                                        json::Serialize(json::Value(found)))));
    return refused;
  };
  const std::string types = fmt::format("{}", fmt::join(schema.types, ","));
  if (value.is_null()) {
    if (!schema.types.empty() && !schema.nullable) return wrong(types, "null");
    return result;
  }
  const std::string_view type = TypeWord(value);
  const bool text_or_list = value.is_string() || value.is_array();
  const bool whole =
      value.is_number() && type == "number" && IsWhole(value) && Allows(schema, "integer");
  const bool integer_as_number = type == "integer" && Allows(schema, "number");
  if (!text_or_list && !schema.format.empty() && !Allows(schema, type) &&
      FormatWord(value) != schema.format && !whole && !integer_as_number) {
    return wrong(schema.format, FormatWord(value));
  }
  if (!Allows(schema, "number") && !Allows(schema, "integer") && !schema.format.empty() &&
      text_or_list) {
    return result;
  }
  if (!Allows(schema, type) && !whole && !integer_as_number) return wrong(types, type);
  return result;
}

Result Validator::CheckJunctions(const SchemaNode& schema, const json::Value& value,
                                 const std::string& path, Correlation correlation) const {
  Result result;
  auto quoted = [&] { return json::Serialize(json::Value(path)); };
  auto best_of = [&](const std::vector<std::unique_ptr<SchemaNode>>& branches, int& valid,
                     bool first_only) {
    std::optional<Result> best;
    std::optional<Result> good;
    valid = 0;
    for (const auto& branch : branches) {
      Result part = Validate(*branch, value, path, correlation);
      if (part.valid()) {
        ++valid;
        if (!good) good = std::move(part);
        if (first_only) break;
      } else if (valid == 0 && (!best || part.matches > best->matches)) {
        best = std::move(part);
      }
    }
    return good ? *std::move(good) : best ? *std::move(best) : Result();
  };
  int valid = 0;
  if (!schema.any_of.empty()) {
    Result part = best_of(schema.any_of, valid, true);
    if (valid == 0) {
      result.Add(NoField(quoted() + " must validate at least one schema (anyOf)"));
    }
    result.Merge(std::move(part));
  }
  if (!schema.one_of.empty()) {
    Result part = best_of(schema.one_of, valid, false);
    if (valid != 1) {
      result.Add(NoField(fmt::format(
          "{} must validate one and only one schema (oneOf). {}", quoted(),
          valid == 0 ? "Found none valid" : fmt::format("Found {} valid alternatives", valid))));
      if (valid == 0) result.Merge(std::move(part));
    } else {
      result.Merge(std::move(part));
    }
  }
  if (!schema.all_of.empty()) {
    std::size_t good = 0;
    for (const auto& branch : schema.all_of) {
      Result part = Validate(*branch, value, path, correlation);
      if (part.valid()) ++good;
      result.Merge(std::move(part));
    }
    if (good != schema.all_of.size()) {
      result.Add(NoField(fmt::format("{} must validate all the schemas (allOf){}", quoted(),
                                     good == 0 ? ". None validated" : "")));
    }
  }
  if (schema.negated && Validate(*schema.negated, value, path, correlation).valid()) {
    result.Add(NoField(quoted() + " must not validate the schema (not)"));
  }
  ++result.matches;
  return result;
}

// The first violation only.
Result Validator::CheckString(const SchemaNode& schema, std::string_view text,
                              const std::string& path) const {
  Result result;
  const json::Value value(text);
  const auto length = static_cast<std::int64_t>(cel::CodePoints(text));
  if (schema.max_length && length > *schema.max_length) {
    result.Add(TooLong(FieldOf(path), static_cast<int>(*schema.max_length)));
  } else if (schema.min_length && length < *schema.min_length) {
    result.Add(Invalid(
        FieldOf(path), value,
        fmt::format("{} in body should be at least {} chars long", path, *schema.min_length)));
  } else if (schema.expression != nullptr &&
             !re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()),
                                     *schema.expression)) {
    result.Add(Invalid(FieldOf(path), value,
                       fmt::format("{} in body should match '{}'", path, schema.pattern)));
  }
  return result;
}

Result Validator::CheckNumber(const SchemaNode& schema, const json::Value& value,
                              const std::string& path) const {
  Result result;
  const double number = ToDouble(value);
  auto check_range = [&](double bound, std::string_view prefix) {
    auto error = RangeError(bound, schema, prefix, path);
    if (error) result.Add(NoField(*error));
  };
  auto refuse = [&](std::string_view rule, double bound) {
    result.Add(
        Invalid(FieldOf(path), value,
                fmt::format("{} in body should be {} {}", path, rule, ShowNumber(value, bound))));
  };
  // An int64 is in every range but that of int32.
  if (IsFloat(value) || schema.format == "int32") check_range(number, "Checked");
  // Bounds of integers are cut to integers.
  auto bound_of = [&](double bound) { return IsFloat(value) ? bound : std::trunc(bound); };
  if (schema.multiple_of) {
    check_range(*schema.multiple_of, "MultipleOf");
    const double factor = bound_of(*schema.multiple_of);
    const double quotient = factor < 1 ? 1 / factor * number : number / factor;
    if (factor <= 0) {
      result.Add(Invalid(FieldOf(path), json::Value(""),
                         fmt::format("factor MultipleOf declared for {} must be positive: {}", path,
                                     ShowNumber(value, factor))));
    } else if (std::abs(quotient - std::round(quotient)) > 1e-9) {
      refuse("a multiple of", factor);
    }
  }
  if (schema.maximum) {
    check_range(*schema.maximum, "Maximum boundary");
    const double bound = bound_of(*schema.maximum);
    if (schema.exclusive_maximum ? number >= bound : number > bound) {
      refuse(schema.exclusive_maximum ? "less than" : "less than or equal to", bound);
    }
  }
  if (schema.minimum) {
    check_range(*schema.minimum, "Minimum boundary");
    const double bound = bound_of(*schema.minimum);
    if (schema.exclusive_minimum ? number <= bound : number < bound) {
      refuse(schema.exclusive_minimum ? "greater than" : "greater than or equal to", bound);
    }
  }
  ++result.matches;
  return result;
}

Result Validator::CheckList(const SchemaNode& schema, const json::Value& value,
                            const std::string& path, Correlation correlation) const {
  Result result;
  const json::Array& array = value.get_array();
  for (std::size_t i = 0; schema.items != nullptr && i < array.size(); ++i) {
    result.Merge(ValidateChild(*schema.items, array[i], fmt::format("{}[{}]", path, i),
                               correlation.Item(&schema, value, i)));
  }
  const auto size = static_cast<std::int64_t>(array.size());
  if (schema.min_items && size < *schema.min_items) {
    result.Add(
        Invalid(FieldOf(path), json::Value(size),
                fmt::format("{} in body should have at least {} items", path, *schema.min_items)));
  }
  if (schema.max_items && size > *schema.max_items) {
    result.Add(TooMany(FieldOf(path), array.size(), static_cast<std::size_t>(*schema.max_items)));
  }
  ++result.matches;
  return result;
}

Result Validator::CheckEnum(const SchemaNode& schema, const json::Value& value,
                            const std::string& path) const {
  Result result;
  if (schema.enumeration.empty()) return result;
  std::vector<std::string> words;
  for (const json::Value& allowed : schema.enumeration) {
    if (!value.is_null() && DeepEqual(allowed, value)) return result;
    words.push_back(allowed.is_string() ? std::string(allowed.get_string())
                                        : json::Canonical(allowed));
  }
  std::vector<std::string_view> supported(words.begin(), words.end());
  result.Add(NotSupported(FieldOf(path), value, supported));
  return result;
}

Result Validator::CheckObject(const SchemaNode& schema, const json::Value& value,
                              const std::string& path, Correlation correlation) const {
  Result result;
  const json::Object& object = value.get_object();
  const auto size = static_cast<std::int64_t>(object.size());
  if (schema.min_properties && size < *schema.min_properties) {
    result.Add(Invalid(FieldOf(path), json::Value(size),
                       fmt::format("{} in body should have at least {} properties", path,
                                   *schema.min_properties)));
  }
  if (schema.max_properties && size > *schema.max_properties) {
    result.Add(
        TooMany(FieldOf(path), object.size(), static_cast<std::size_t>(*schema.max_properties)));
  }
  for (const auto& member : object) {
    const std::string_view name(member.key());
    const SchemaNode* property = schema.FindProperty(name);
    std::string below = path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
    if (property == nullptr && schema.additional_kind == SchemaNode::Additional::kRefused) {
      result.Add(Invalid(FieldOf(path), json::Value(name),
                         fmt::format("{}.{} in body is a forbidden property", path, name)));
    }
    const SchemaNode* child = property != nullptr ? property : schema.additional.get();
    if (child == nullptr) continue;
    if (property == nullptr && path.empty()) below.insert(0, ".");
    // The type of an object is not the author's, so it cannot be forgiven.
    const bool is_type = path.empty() && (name == "apiVersion" || name == "kind");
    result.Merge(ValidateChild(*child, member.value(), below,
                               is_type ? Correlation() : correlation.Member(&schema, value, name)));
  }
  for (const std::string& name : schema.required) {
    if (!object.contains(name)) result.Add(Required(FieldOf(path + "." + name)));
  }
  return result;
}

std::string FieldOf(std::string_view path) {
  if (path.starts_with('.')) path.remove_prefix(1);
  return path.empty() ? "<nil>" : std::string(path);
}

std::string_view TypeWord(const json::Value& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_bool()) return "boolean";
  if (value.is_null()) return "null";
  return IsFloat(value) ? "number" : "integer";
}

bool IsFloat(const json::Value& value) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return value.is_double() || (value.is_uint64() && value.get_uint64() > kMost);
}

std::string_view FormatWord(const json::Value& value) {
  if (IsFloat(value)) return "float64";
  return value.is_number() ? "int64" : "";
}

bool IsWhole(const json::Value& number) {
  const double value = ToDouble(number);
  return std::trunc(value) == value && std::abs(value) <= 9007199254740991.0;
}

double ToDouble(const json::Value& number) { return number.to_number<double>(); }

std::optional<std::string> RangeError(double number, const SchemaNode& schema,
                                      std::string_view prefix, const std::string& path) {
  const std::string_view type =
      schema.types.size() == 1 ? std::string_view(schema.types[0]) : std::string_view();
  bool fits = true;
  if (type == "integer") {
    const double limit = schema.format == "int32" ? 2147483648.0 : 9223372036854775808.0;
    fits = std::trunc(number) == number && number >= -limit && number < limit;
  } else if (schema.format == "float") {
    fits = std::abs(number) <= std::numeric_limits<float>::max();
  }
  if (fits) return std::nullopt;
  if (schema.format.empty()) {
    return fmt::format("{} value must be of type {} (default format) in {}", prefix, type, path);
  }
  return fmt::format("{} value must be of type {} with format {} in {}", prefix, type,
                     schema.format, path);
}

std::string ShowNumber(const json::Value& like, double number) {
  if (!IsFloat(like) && std::abs(number) < 9.2e18) {
    return std::to_string(static_cast<std::int64_t>(number));
  }
  return json::Serialize(json::Value(number));
}

FieldError NoField(std::string_view text) { return Invalid("<nil>", json::Value(""), text); }

}  // namespace
}  // namespace kro::apiserver::internal
