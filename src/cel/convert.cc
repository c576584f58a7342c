#include "cel/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string>

#include "cel/civil.h"
#include "cel/library/go_text.h"
#include "cel/library/omit.h"

namespace kro::cel {
namespace {

// What an optional holds, through any number of them.
Value Content(Value value) {
  while (value.Is(Kind::kOptional) && value.HasContent()) value = value.Content();
  return value;
}

Result<json::Value> Convert(Context& context, const Value& value, int depth);
Result<json::Value> ConvertList(Context& context, const Value& list, int depth);
Result<json::Value> ConvertMap(Context& context, const Value& map, int depth);
Result<std::string> ConvertKey(Context& context, const Value& key);
std::string WholeSeconds(const Timestamp& time);
std::string Write(Context& context, const Value& value, int depth);
std::string WriteBytes(std::string_view bytes);
std::string Quoted(std::string_view text);

}  // namespace

Result<std::optional<json::Value>> ToJson(Context& context, const Value& value) {
  if (IsOmit(Content(value))) return std::optional<json::Value>();
  auto json = Convert(context, value, 0);
  if (!json) return std::unexpected(json.error());
  return std::optional<json::Value>(std::move(*json));
}

std::string ToExpression(Context& context, const Value& value) { return Write(context, value, 0); }

Error ToError(const Value& error) {
  if (error.IsUnknown()) {
    return Error(ErrorCode::kPending,
                 fmt::format("not known yet: {}", fmt::join(error.UnknownNames(), ", ")));
  }
  return Error(ClassOf(error.AsError()), std::string(error.AsError()));
}

ErrorCode ClassOf(std::string_view error_text) {
  static constexpr std::array<std::string_view, 4> kPendingTexts = {
      "no such key", "no such field", "no such attribute", "index out of bounds"};
  for (std::string_view text : kPendingTexts) {
    if (error_text.find(text) != std::string_view::npos) return ErrorCode::kPending;
  }
  return ErrorCode::kInvalid;
}

namespace {

Result<json::Value> Convert(Context& context, const Value& value, int depth) {
  if (depth > json::kMaxDepth) {
    return Fail(ErrorCode::kInvalid, "value nests deeper than {} levels", json::kMaxDepth);
  }
  switch (value.kind()) {
    case Kind::kNull:
      return json::Value(nullptr);
    case Kind::kBool:
      return json::Value(value.AsBool());
    case Kind::kInt:
      return json::Value(value.AsInt());
    case Kind::kUint:
      if (value.AsUint() > INT64_MAX) {
        const bool hides = context.error_texts() == ErrorTexts::kWithoutValues;
        return Fail(ErrorCode::kInvalid,
                    "unsupported type: uint value {} overflows int64; convert it explicitly, e.g. "
                    "string(...)",
                    hides ? "…" : fmt::to_string(value.AsUint()));
      }
      return json::Value(value.AsInt());
    case Kind::kDouble:
      return json::Value(value.AsDouble());
    case Kind::kString:
      return json::Value(boost::json::string(value.AsString()));
    case Kind::kBytes:
      return Fail(ErrorCode::kInvalid,
                  "unsupported type: bytes value cannot be used directly in a resource template or "
                  "status field; encode it explicitly, e.g. base64.encode(...)");
    case Kind::kDuration:
      return json::Value(boost::json::string(GoDuration(value.AsDuration())));
    case Kind::kTimestamp: {
      Timestamp time = value.AsTimestamp();
      if (time.seconds == kMinTimestampSeconds && time.nanos == 0) return json::Value(nullptr);
      return json::Value(boost::json::string(WholeSeconds(time)));
    }
    case Kind::kOptional:
      return value.HasContent() ? Convert(context, value.Content(), depth + 1)
                                : json::Value(nullptr);
    case Kind::kList:
      return ConvertList(context, value, depth);
    case Kind::kMap:
      return ConvertMap(context, value, depth);
    case Kind::kType:
    case Kind::kOpaque:
    case Kind::kError:
      break;
  }
  return Fail(ErrorCode::kInvalid, "unsupported type: {}", TypeName(value));
}

Result<json::Value> ConvertList(Context& context, const Value& list, int depth) {
  json::Array array;
  array.reserve(list.ListSize());
  for (std::size_t i = 0; i < list.ListSize(); ++i) {
    Value element = list.ListAt(context, i);
    if (IsOmit(Content(element))) continue;
    auto json = Convert(context, element, depth + 1);
    if (!json) return json;
    array.push_back(std::move(*json));
  }
  return json::Value(std::move(array));
}

Result<json::Value> ConvertMap(Context& context, const Value& map, int depth) {
  if (const json::Object* object = map.JsonObject()) return json::Value(*object);
  json::Object object;
  for (MapIterator it(context, map); it.Next();) {
    auto key = ConvertKey(context, it.key());
    if (!key) return std::unexpected(key.error());
    if (IsOmit(Content(it.value()))) continue;
    auto json = Convert(context, it.value(), depth + 1);
    if (!json) return json;
    object[*key] = std::move(*json);
  }
  return json::Value(std::move(object));
}

Result<std::string> ConvertKey(Context& context, const Value& key) {
  auto refuse = [](std::string_view type) {
    return Fail(ErrorCode::kInvalid, "map key must be string, got {}", type);
  };
  switch (key.kind()) {
    case Kind::kString:
      return std::string(key.AsString());
    case Kind::kDuration:
      return GoDuration(key.AsDuration());
    case Kind::kTimestamp:
      return WholeSeconds(key.AsTimestamp());
    case Kind::kOptional:
      if (!key.HasContent()) return refuse("<nil>");
      return ConvertKey(context, key.Content());
    case Kind::kInt:
      return refuse("int64");
    case Kind::kUint:
      return refuse("uint64");
    case Kind::kDouble:
      return refuse("float64");
    case Kind::kBool:
      return refuse("bool");
    case Kind::kNull:
      return refuse("<nil>");
    case Kind::kBytes:
      return refuse("[]uint8");
    case Kind::kList:
      return refuse("[]interface {}");
    case Kind::kMap:
      return refuse("map[string]interface {}");
    default:
      return Fail(ErrorCode::kInvalid, "failed to convert map key: unsupported type: {}",
                  TypeName(key));
  }
}

std::string WholeSeconds(const Timestamp& time) {
  return FormatTimestamp({.seconds = time.seconds});
}

std::string Write(Context& context, const Value& value, int depth) {
  if (depth > json::kMaxDepth) return "…";
  std::string out;
  switch (value.kind()) {
    case Kind::kUint:
      return fmt::format("{}u", value.AsUint());
    case Kind::kDouble:
      out = FormatDouble(value.AsDouble());
      return out.find_first_not_of("-0123456789") == out.npos ? out + ".0" : out;
    case Kind::kString:
      return Quoted(value.AsString());
    case Kind::kBytes:
      return WriteBytes(value.AsBytes());
    case Kind::kTimestamp:
      return fmt::format("timestamp(\"{}\")", FormatTimestamp(value.AsTimestamp()));
    case Kind::kDuration:
      return fmt::format("duration(\"{}\")", FormatDuration(value.AsDuration()));
    case Kind::kOptional:
      if (!value.HasContent()) return "optional.none()";
      return fmt::format("optional.of({})", Write(context, value.Content(), depth + 1));
    case Kind::kOpaque: {
      const OpaqueType& type = *value.AsOpaque()->type;
      return type.text ? type.text(value) : std::string(type.name);
    }
    case Kind::kList:
      for (std::size_t i = 0; i < value.ListSize(); ++i) {
        out += (i > 0 ? ", " : "") + Write(context, value.ListAt(context, i), depth + 1);
      }
      return fmt::format("[{}]", out);
    case Kind::kMap:
      for (MapIterator it(context, value); it.Next();) {
        out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", Write(context, it.key(), depth + 1),
                           Write(context, it.value(), depth + 1));
      }
      return fmt::format("{{{}}}", out);
    default:
      return Display(context, value);
  }
}

std::string WriteBytes(std::string_view bytes) {
  std::string out = "b\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::string Quoted(std::string_view text) {
  return json::Serialize(json::Value(boost::json::string_view(text)));
}

}  // namespace
}  // namespace kro::cel
