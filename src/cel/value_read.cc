// JSON as values: spec sections 5.2 and 5.3.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>
#include <utility>

#include "base/base64.h"
#include "cel/civil.h"
#include "cel/schema.h"
#include "cel/value.h"

namespace kro::cel {
namespace {

Value BytesFromJson(Context& context, std::string_view text);
Value DurationFromJson(Context& context, std::string_view text);
Value DateFromJson(Context& context, std::string_view text);
Value DateTimeFromJson(Context& context, std::string_view text);
std::string_view GoType(const Value& raw);

}  // namespace

Value FromJson(Context& context, const json::Value& json, const Schema* schema) {
  if (schema) {
    // The usual cases first.
    if (schema->reading == Reading::kString && json.is_string()) {
      return Value::String(json.get_string());
    }
    if (schema->reading == Reading::kObject && json.is_object()) {
      return Value::Map(&json.get_object(), schema);
    }
    if (schema->reading == Reading::kInteger && json.is_int64()) {
      return Value::Int(json.get_int64());
    }
    if (schema->reading == Reading::kBoolean && json.is_bool()) return Value::Bool(json.get_bool());
    if (schema->reading == Reading::kArray && json.is_array() && schema->element) {
      return Value::List(&json.get_array(), schema);
    }
    return Reread(context, FromJson(context, json), *schema);
  }
  switch (json.kind()) {
    case boost::json::kind::null:
      return Value::Null();
    case boost::json::kind::bool_:
      return Value::Bool(json.get_bool());
    case boost::json::kind::int64:
      return Value::Int(json.get_int64());
    case boost::json::kind::uint64:
      return Value::Uint(json.get_uint64());
    case boost::json::kind::double_:
      return Value::Double(json.get_double());
    case boost::json::kind::string:
      return Value::String(json.get_string());
    case boost::json::kind::array:
      return Value::List(&json.get_array(), nullptr);
    case boost::json::kind::object:
      return Value::Map(&json.get_object(), nullptr);
  }
  return {};
}

Value Reread(Context& context, const Value& raw, const Schema& schema) {
  if (raw.IsError()) return raw;
  if (raw.IsNull()) {
    return schema.nullable ? raw
                           : Value::Error("invalid data, got null for schema with nullable=false");
  }
  switch (schema.reading) {
    case Reading::kNative:
      return raw;
    case Reading::kObject:
    case Reading::kMap:
      if (!raw.JsonObject()) {
        return Value::Error(
            "invalid data, expected a map for the provided schema with type=object");
      }
      return Value::Map(raw.JsonObject(), &schema);
    case Reading::kArray:
      if (!raw.JsonArray()) {
        return Value::Error(
            "invalid data, expected an array for the provided schema with type=array");
      }
      return Value::List(raw.JsonArray(), &schema);
    case Reading::kIntOrString:
      if (raw.Is(Kind::kString) || raw.Is(Kind::kInt)) return raw;
      return Value::Error(
          "invalid data, expected XIntOrString value to be either a string or integer");
    case Reading::kString:
    case Reading::kBytes:
    case Reading::kDuration:
    case Reading::kDate:
    case Reading::kDateTime: {
      if (!raw.Is(Kind::kString)) {
        return Fail(context, "invalid data, expected string, got {}", GoType(raw));
      }
      std::string_view text = raw.AsString();
      if (schema.reading == Reading::kBytes) return BytesFromJson(context, text);
      if (schema.reading == Reading::kDuration) return DurationFromJson(context, text);
      if (schema.reading == Reading::kDate) return DateFromJson(context, text);
      if (schema.reading == Reading::kDateTime) return DateTimeFromJson(context, text);
      return raw;
    }
    case Reading::kNumber:
      if (raw.Is(Kind::kDouble)) return raw;
      if (raw.Is(Kind::kInt)) return Value::Double(static_cast<double>(raw.AsInt()));
      if (raw.Is(Kind::kUint)) return Value::Double(static_cast<double>(raw.AsUint()));
      return Fail(context, "invalid data, expected float, got {}", GoType(raw));
    case Reading::kInteger:
      if (raw.Is(Kind::kInt)) return raw;
      if (raw.Is(Kind::kDouble)) {
        double d = raw.AsDouble();
        if (d == std::floor(d) && d >= -9223372036854775808.0 && d < 9223372036854775808.0) {
          return Value::Int(static_cast<std::int64_t>(d));
        }
        return Fail(context, "invalid data, expected int, got non-integer float {}",
                    FormatDouble(d));
      }
      return Fail(context, "invalid data, expected int, got {}", GoType(raw));
    case Reading::kBoolean:
      if (raw.Is(Kind::kBool)) return raw;
      return Fail(context, "invalid data, expected bool, got {}", GoType(raw));
    case Reading::kBroken:
      return Value::Error(schema.problem);
  }
  return {};
}

namespace {

// URL-safe alphabet, padding required, line ends ignored.
Value BytesFromJson(Context& context, std::string_view text) {
  char* bytes = AllocateText(context, DecodedBase64Size(text.size()));
  auto size = DecodeBase64To(bytes, text, Base64Alphabet::kUrlSafe, Base64Padding::kRequired);
  if (size) return Value::Bytes({bytes, *size});
  return Fail(context, "Invalid byte formatted string {}: illegal base64 data at input byte {}",
              text, size.error());
}

// Text that is no duration of the language is read as a sum of `digits [space] unit` groups found
// anywhere in it: "1 day 2h" (spec 5.3).
Value DurationFromJson(Context& context, std::string_view text) {
  if (auto nanoseconds = ParseDuration(text)) return Value::Duration(*nanoseconds);

  auto unit_of = [](std::string_view word) -> std::int64_t {
    auto any = [&](std::initializer_list<std::string_view> names) {
      return std::find(names.begin(), names.end(), word) != names.end();
    };
    constexpr std::int64_t kSecond = 1000000000;
    if (any({"ns"}) || word.starts_with("nano")) return 1;
    if (any({"us", "\xc2\xb5s"}) || word.starts_with("micro")) return 1000;
    if (any({"ms"}) || word.starts_with("milli")) return 1000000;
    if (any({"s"}) || word.starts_with("sec")) return kSecond;
    if (any({"m"}) || word.starts_with("min")) return 60 * kSecond;
    if (any({"h", "hr"}) || word.starts_with("hour")) return 3600 * kSecond;
    if (any({"d"}) || word.starts_with("day")) return 24 * 3600 * kSecond;
    if (any({"w", "wk"}) || word.starts_with("week")) return 7 * 24 * 3600 * kSecond;
    return 0;
  };
  bool found = false;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] < '0' || text[i] > '9') {
      ++i;
      continue;
    }
    std::int64_t number = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
      if (__builtin_mul_overflow(number, 10, &number) ||
          __builtin_add_overflow(number, text[i] - '0', &number)) {
        return Fail(context, "Invalid duration {}: unable to parse {} as duration", text, text);
      }
    }
    while (i < text.size() && text[i] == ' ') ++i;
    std::string word;
    while (i < text.size() && ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z')) {
      word += static_cast<char>(text[i++] | 0x20);
    }
    if (word.empty() && text.substr(i).starts_with("\xc2\xb5s")) {
      word = "us";
      i += 3;
    }
    std::int64_t unit = unit_of(word), part = 0;
    if (unit == 0) continue;
    found = true;
    if (__builtin_mul_overflow(number, unit, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return Fail(context, "Invalid duration {}: unable to parse {} as duration", text, text);
    }
  }
  if (!found)
    return Fail(context, "Invalid duration {}: unable to parse {} as duration", text, text);
  return Value::Duration(total);
}

// Where reading `text` by a layout of digits and marks stops, in the words of Go's time package.
// 0 in the layout is a digit; `names` says what Go calls the element at each place.
std::string TimeProblem(
    std::string_view text, std::string_view layout_name,
    std::initializer_list<std::pair<std::string_view, std::string_view>> elements) {
  std::string_view rest = text;
  for (const auto& [pattern, name] : elements) {
    bool matches = rest.size() >= pattern.size();
    for (std::size_t i = 0; matches && i < pattern.size(); ++i) {
      bool digit = rest[i] >= '0' && rest[i] <= '9';
      matches = pattern[i] == '0' ? digit : rest[i] == pattern[i];
    }
    if (!matches) {
      return fmt::format("parsing time \"{}\" as \"{}\": cannot parse \"{}\" as \"{}\"", text,
                         layout_name, rest, name);
    }
    rest.remove_prefix(pattern.size());
  }
  if (!rest.empty()) return fmt::format("parsing time \"{}\": extra text: \"{}\"", text, rest);
  return fmt::format("parsing time \"{}\": day out of range", text);
}

Value DateFromJson(Context& context, std::string_view text) {
  if (text.size() == 10) {
    if (auto time = ParseTimestamp(std::string(text) + "T00:00:00Z", Rfc3339::kStrict)) {
      return Value::Time(*time);
    }
  }
  return Fail(context, "Invalid date formatted string {}: {}", text,
              TimeProblem(text, "2006-01-02",
                          {{"0000", "2006"}, {"-", "-"}, {"00", "01"}, {"-", "-"}, {"00", "02"}}));
}

Value DateTimeFromJson(Context& context, std::string_view text) {
  if (text.empty()) return Value::Time({});
  if (auto time = ParseTimestamp(text, Rfc3339::kOpenApi)) return Value::Time(*time);
  return Fail(context, "Invalid date-time formatted string {}: {}", text,
              TimeProblem(text, "2006-01-02T15:04:05",
                          {{"0000", "2006"},
                           {"-", "-"},
                           {"00", "01"},
                           {"-", "-"},
                           {"00", "02"},
                           {"T", "T"},
                           {"00", "15"},
                           {":", ":"},
                           {"00", "04"},
                           {":", ":"},
                           {"00", "05"}}));
}

std::string_view GoType(const Value& raw) {
  switch (raw.kind()) {
    case Kind::kNull:
      return "<nil>";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int64";
    case Kind::kUint:
      return "uint64";
    case Kind::kDouble:
      return "float64";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "[]uint8";
    case Kind::kTimestamp:
      return "time.Time";
    case Kind::kDuration:
      return "time.Duration";
    case Kind::kList:
      return "[]interface {}";
    case Kind::kMap:
      return "map[string]interface {}";
    default:
      return TypeName(raw);
  }
}

}  // namespace
}  // namespace kro::cel
