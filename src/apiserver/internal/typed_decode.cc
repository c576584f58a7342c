#include "apiserver/internal/typed_decode.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>

#include "apiserver/internal/object_metadata.h"
#include "base/base64.h"
#include "cel/library/quantity_value.h"
#include "json/go_type.h"

namespace kro::apiserver {
namespace {

using Form = WrittenAs::Form;

// What Go's decoder says of the first value that does not fit.
struct Fault {
  std::string text;  // all of it; empty: made of what follows
  std::string found;
  std::string owner;  // the struct; empty: no field of any
  std::string field;
  std::string type;

  std::string ToString() const;
};

enum class Next { kGoOn, kStop };

// Walks object and type together. Both nest at most json::kMaxDepth deep, since the object was parsed.
//
// Go remembers the first value that does not fit, and goes on: a type that reads JSON by itself ends the
// reading, and its fault is the one that is told. What converts merged objects stops at the first.
class Decoder {
 public:
  Decoder(std::string_view kind, WrittenAs written) : kind_(kind), written_(written) {}

  Next Walk(const TypeNode& type, json::Value& value, std::string& path);
  DecodedFields fields;
  std::optional<Fault> fault;

 private:
  Next WalkObject(const TypeNode& type, json::Object& object, std::string& path);
  Next WalkList(const TypeNode& type, json::Array& array, std::string& path);
  Next WalkInteger(const TypeNode& type, json::Value& value);
  Next WalkOwnForm(const TypeNode& type, json::Value& value);
  Next WalkSchemas(const TypeNode& type, json::Value& value);
  Next WalkBytes(const TypeNode& type, const json::Value& value);

  bool merged() const { return written_.form == Form::kMerged; }
  // The same for what reads JSON by itself: a merged object is written as JSON for it.
  Decoder Below() const;
  Next Mismatch(const TypeNode& type, const json::Value& value);
  Next Misconverted(const TypeNode& type, const json::Value& value);
  // Ends the reading.
  Next Stop(Fault stop);
  std::string Spelled(const json::Value& number) const;

  std::string_view kind_;
  WrittenAs written_;
  // The Go fields that lead to the value, and the struct that has the last of them.
  std::vector<std::string_view> fields_;
  std::string_view owner_;
};

// With the members of what is a Go struct in the order of its fields.
json::Value InOrderOfFields(const TypeNode& type, const json::Value& value);
bool IsEmptyContainer(const TypeNode& type, const json::Value& value);
// Lists that a type prints also when they are empty.
bool IsPrintedEmpty(std::string_view kind, std::string_view path);
bool IsAnything(const TypeNode& type);
bool IsPlainText(const TypeNode& type);
// "int64", as Go calls the type of a value of any type.
std::string_view GoKindOf(const json::Value& value);
// What the processor of the real server makes of it: out of range is the lowest one.
std::int64_t Truncated(double number);
// An integer that YAML or a merge left as a double; nullopt if it is none, or too large.
std::optional<std::int64_t> AsInteger(const json::Value& number);
std::string_view Trimmed(std::string_view text);

}  // namespace

Result<DecodedFields> DecodeTyped(const ObjectSchema& structure, std::string_view kind,
                                  json::Value& object, WrittenAs written) {
  Decoder decoder(kind, written);
  std::string path;
  static_cast<void>(decoder.Walk(structure.root(), object, path));
  if (!decoder.fault) return std::move(decoder.fields);
  if (written.form == Form::kMerged) {
    // It is converted field by field: of several faults that decides.
    json::Value ordered = InOrderOfFields(structure.root(), object);
    decoder = Decoder(kind, written);
    path.clear();
    static_cast<void>(decoder.Walk(structure.root(), ordered, path));
  }
  return Fail(ErrorCode::kInvalid, "{}", decoder.fault->ToString());
}

namespace {

std::string Fault::ToString() const {
  if (!text.empty()) return text;
  if (owner.empty()) {
    return fmt::format("json: cannot unmarshal {} into Go value of type {}", found, type);
  }
  return fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type {}", found,
                     owner, field, type);
}

Next Decoder::Walk(const TypeNode& type, json::Value& value, std::string& path) {
  if (value.is_null()) return Next::kGoOn;
  if (type.form == JsonForm::kBytes) return WalkBytes(type, value);
  if (type.form != JsonForm::kPlain) return WalkOwnForm(type, value);
  if (IsAnything(type)) return Next::kGoOn;
  if (json::Object* object = value.if_object(); object != nullptr && type.is_map) {
    return type.free_form ? Next::kGoOn : WalkObject(type, *object, path);
  }
  if (json::Array* array = value.if_array(); array != nullptr && type.is_list) {
    return type.items == nullptr ? Next::kGoOn : WalkList(type, *array, path);
  }
  if (!type.is_scalar) return Mismatch(type, value);
  switch (type.scalar) {
    case ScalarType::kString:
      return value.is_string() ? Next::kGoOn : Mismatch(type, value);
    case ScalarType::kNumeric:
      if (!value.is_number()) return Mismatch(type, value);
      return type.number == NumberType::kFloat64 ? Next::kGoOn : WalkInteger(type, value);
    case ScalarType::kBoolean:
      return value.is_bool() ? Next::kGoOn : Mismatch(type, value);
    case ScalarType::kUntyped:
      break;
  }
  return Next::kGoOn;
}

Next Decoder::WalkObject(const TypeNode& type, json::Object& object, std::string& path) {
  const std::size_t length = path.size();
  const std::size_t depth = fields_.size();
  const std::string_view owner = owner_;
  std::vector<std::string> gone;
  for (auto& member : object) {
    std::string_view key = member.key();
    if (!path.empty()) path += '.';
    path += key;
    const TypeNode::Field* field = type.FindField(key);
    const TypeNode* member_type = field != nullptr ? field->type : type.element;
    if (member_type == nullptr) {
      fields.unknown.push_back(path);
      gone.emplace_back(key);
    } else {
      if (field == nullptr && member.value().is_null() && IsPlainText(*member_type)) {
        member.value() = "";  // a map holds the zero of its type
      }
      if (field != nullptr) {
        if (!field->embedded.empty()) fields_.push_back(field->embedded);
        fields_.push_back(field->name);
        owner_ = type.go_type.substr(type.go_type.find('.') + 1);
      }
      if (Walk(*member_type, member.value(), path) == Next::kStop) return Next::kStop;
      fields_.resize(depth);
      owner_ = owner;
      const bool emptied = field != nullptr && IsEmptyContainer(*member_type, member.value()) &&
                           !IsPrintedEmpty(kind_, path);
      if (emptied) fields.emptied.push_back(path);
      const bool zero = field != nullptr && (member.value().is_null() ||
                                             (field->omits_zero && json::IsGoZero(member.value())));
      if (emptied || zero) gone.emplace_back(key);
    }
    path.resize(length);
  }
  for (const std::string& key : gone) {
    // Keeps the order of the rest, unlike erase.
    object.stable_erase(object.find(key));
  }
  return Next::kGoOn;
}

Next Decoder::WalkList(const TypeNode& type, json::Array& array, std::string& path) {
  const std::size_t length = path.size();
  for (std::size_t i = 0; i < array.size(); ++i) {
    path += fmt::format("[{}]", i);
    if (Walk(*type.items, array[i], path) == Next::kStop) return Next::kStop;
    path.resize(length);
  }
  return Next::kGoOn;
}

Next Decoder::WalkInteger(const TypeNode& type, json::Value& value) {
  const bool narrow = type.number == NumberType::kInt32;
  if (merged()) {
    if (!value.is_int64()) {
      const double number = value.to_number<double>();
      if (number != std::trunc(number)) return Misconverted(type, value);
      value = Truncated(number);
    }
    if (narrow) value = static_cast<std::int32_t>(value.get_int64());
    return Next::kGoOn;
  }
  if (written_.form == Form::kYaml && value.is_double()) {
    if (auto integer = AsInteger(value)) value = *integer;
  }
  const std::int64_t* integer = value.if_int64();
  if (integer != nullptr && (!narrow || (*integer >= std::numeric_limits<std::int32_t>::min() &&
                                         *integer <= std::numeric_limits<std::int32_t>::max()))) {
    return Next::kGoOn;
  }
  return Mismatch(type, value);
}

Next Decoder::WalkOwnForm(const TypeNode& type, json::Value& value) {
  Decoder below = Below();
  TypeNode plain;
  plain.is_scalar = true;
  switch (type.form) {
    case JsonForm::kIntOrString:
      if (value.is_string()) return Next::kGoOn;
      plain.scalar = ScalarType::kNumeric;
      plain.number = NumberType::kInt32;
      plain.go_type = "int32";
      break;
    case JsonForm::kTime:
    case JsonForm::kMicroTime:
      if (type.form == JsonForm::kTime && value.is_string()) {
        auto wrong = internal::TimeFault(value.get_string());
        return wrong ? Stop({.text = *std::move(wrong)}) : Next::kGoOn;
      }
      plain.scalar = ScalarType::kString;
      plain.go_type = "string";
      break;
    case JsonForm::kQuantity: {
      if (value.is_number()) return Next::kGoOn;
      // What is no text is no quantity either.
      std::string_view text = value.is_string() ? std::string_view(value.get_string()) : "{}";
      auto quantity = cel::Quantity::Parse(Trimmed(text));
      if (quantity) return Next::kGoOn;
      return Stop({.text = quantity.error().message()});
    }
    case JsonForm::kSchemaOrBool:
    case JsonForm::kSchemaOrArray:
    case JsonForm::kSchemaOrStrings:
      return WalkSchemas(type, value);
    default:
      return Next::kGoOn;
  }
  std::string path;
  static_cast<void>(below.Walk(plain, value, path));
  return below.fault ? Stop(*std::move(below.fault)) : Next::kGoOn;
}

Next Decoder::WalkSchemas(const TypeNode& type, json::Value& value) {
  Decoder below = Below();
  std::string path;
  json::Array* array = value.if_array();
  if (value.is_object()) {
    static_cast<void>(below.Walk(*type.inner, value, path));
  } else if (array != nullptr && type.form != JsonForm::kSchemaOrBool) {
    TypeNode strings;
    strings.is_scalar = true;
    strings.scalar = ScalarType::kString;
    strings.go_type = "string";
    TypeNode list;
    list.items = type.form == JsonForm::kSchemaOrArray ? type.inner : &strings;
    static_cast<void>(below.WalkList(list, *array, path));
  } else if (type.form == JsonForm::kSchemaOrBool && !value.is_bool()) {
    return Stop({.text = "boolean or JSON schema expected"});
  }
  return below.fault ? Stop(*std::move(below.fault)) : Next::kGoOn;
}

Next Decoder::WalkBytes(const TypeNode& type, const json::Value& value) {
  if (!value.is_string()) {
    if (!merged()) return Mismatch(type, value);
    return Stop({.text = fmt::format("cannot restore slice from {}", GoKindOf(value))});
  }
  auto bytes =
      DecodeBase64(value.get_string(), Base64Alphabet::kStandard, Base64Padding::kRequired);
  if (bytes) return Next::kGoOn;
  std::string wrong = fmt::format("illegal base64 data at input byte {}", bytes.error());
  if (merged()) return Stop({.text = "error decoding from json: " + wrong});
  if (!fault) fault = Fault{.text = std::move(wrong)};
  return Next::kGoOn;
}

Decoder Decoder::Below() const {
  return Decoder("", {merged() ? Form::kYaml : written_.form, written_.text});
}

Next Decoder::Mismatch(const TypeNode& type, const json::Value& value) {
  if (merged()) return Misconverted(type, value);
  if (fault) return Next::kGoOn;
  fault = Fault{.found = std::string(json::GoWord(value)),
                .owner = std::string(owner_),
                .field = fmt::format("{}", fmt::join(fields_, ".")),
                .type = std::string(type.go_type)};
  // A number of the wrong kind is shown.
  if (value.is_number() && type.is_scalar && type.scalar == ScalarType::kNumeric) {
    fault->found += " " + Spelled(value);
  }
  return Next::kGoOn;
}

Next Decoder::Misconverted(const TypeNode& type, const json::Value& value) {
  const std::string_view kind = GoKindOf(value);
  if (type.is_list) return Stop({.text = fmt::format("cannot restore slice from {}", kind)});
  if (type.is_map) {
    const bool is_struct = !type.fields.empty() || type.element == nullptr || type.free_form;
    return Stop({.text = fmt::format("cannot restore {} {}",
                                     is_struct ? "struct from:" : "map from", kind)});
  }
  // Go converts integers to text, and numbers to each other, if one lets it.
  if (value.is_number() && (type.scalar == ScalarType::kNumeric ||
                            (type.scalar == ScalarType::kString && kind == "int64"))) {
    return Stop({.text = fmt::format("cannot convert {} to {}", kind, type.go_type)});
  }
  const std::string_view scalar = type.scalar == ScalarType::kString    ? "string"
                                  : type.scalar == ScalarType::kBoolean ? "bool"
                                                                        : type.go_type;
  return Stop({.text = fmt::format("unrecognized type: {}", scalar)});
}

Next Decoder::Stop(Fault stop) {
  if (!fields_.empty() && !merged() && stop.text.empty()) {
    std::string field = fmt::format("{}", fmt::join(fields_, "."));
    stop.field = stop.owner.empty() ? std::move(field) : field + "." + stop.field;
    stop.owner = owner_;
  }
  fault = std::move(stop);
  return Next::kStop;
}

// Numbers of JSON are shown as they were written. Values do not keep that, so this is the first one in
// the text that is the same number.
std::string Decoder::Spelled(const json::Value& number) const {
  std::string plain = json::Serialize(number);
  if (written_.form != Form::kJson || !number.is_number()) return plain;
  const std::string_view text = written_.text;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
      }
    } else if (text[at] == '-' || (text[at] >= '0' && text[at] <= '9')) {
      const std::size_t end = std::min(text.find_first_not_of("+-.0123456789eE", at), text.size());
      const std::string_view literal = text.substr(at, end - at);
      auto read = json::Parse(literal);
      if (read && read->kind() == number.kind() && *read == number) return std::string(literal);
      at = end - 1;
    }
  }
  return plain;
}

bool IsAnything(const TypeNode& type) { return type.is_scalar && type.is_list && type.is_map; }

bool IsPlainText(const TypeNode& type) {
  return type.form == JsonForm::kPlain && type.is_scalar && !type.is_list && !type.is_map &&
         type.scalar == ScalarType::kString;
}

std::string_view GoKindOf(const json::Value& value) {
  if (value.is_object()) return "map";
  if (value.is_array()) return "slice";
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  return value.is_int64() ? "int64" : "float64";
}

std::int64_t Truncated(double number) {
  constexpr double kLimit = 0x1p63;
  if (!(number >= -kLimit && number < kLimit)) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(number);
}

std::optional<std::int64_t> AsInteger(const json::Value& number) {
  constexpr double kLimit = 0x1p63;
  const double value = number.to_number<double>();
  if (value != std::trunc(value) || !(value >= -kLimit && value < kLimit)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

json::Value InOrderOfFields(const TypeNode& type, const json::Value& value) {
  if (const json::Array* array = value.if_array(); array != nullptr && type.items != nullptr) {
    json::Array items;
    for (const json::Value& item : *array) items.push_back(InOrderOfFields(*type.items, item));
    return items;
  }
  const json::Object* object = value.if_object();
  if (object == nullptr || type.form != JsonForm::kPlain) return value;
  std::vector<std::pair<std::size_t, std::string_view>> places;
  for (const auto& member : *object) {
    const TypeNode::Field* field = type.FindField(member.key());
    places.emplace_back(field == nullptr ? object->size() : field->place, member.key());
  }
  std::ranges::sort(places);
  json::Object ordered;
  for (const auto& [place, key] : places) {
    const TypeNode* below = type.TypeOf(key);
    const json::Value& member = *object->if_contains(key);
    ordered.emplace(key, below == nullptr ? member : InOrderOfFields(*below, member));
  }
  return ordered;
}

bool IsEmptyContainer(const TypeNode& type, const json::Value& value) {
  if (type.is_list && type.is_map) return false;  // of any type
  if (const json::Array* array = value.if_array()) return type.is_list && array->empty();
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
