// kro's json library (spec section 4.14): JSON text as Go's encoding/json has it.

#include <cmath>
#include <map>
#include <string>

#include "base/base64.h"
#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/error_value.h"
#include "cel/library/go_text.h"
#include "cel/library/json_text.h"
#include "cel/library/omit.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value Unmarshal(Context& context, Args args);
Value Marshal(Context& context, Args args);
Result<void> AppendValue(Context& context, std::string& out, const Value& value, int depth);

}  // namespace

const Library& JsonLibrary() {
  static const Library library{
      .name = "kro.json",
      .doc = "JSON text.",
      .overloads = {
          {.function = "json.unmarshal",
           .id = "json.unmarshal_string",
           .params = {String()},
           .result = Dyn(),
           .doc = "The value of a JSON text. Numbers are doubles.",
           .examples =
               {{"json.unmarshal('{\"n\": 3}').n", "3.0"},
                {"json.unmarshal('[1,]')",
                 "error: json.unmarshal failed to parse JSON: invalid character ']' looking "
                 "for beginning of value"}},
           .eval = Unmarshal},
          {.function = "json.marshal",
           .id = "json.marshal_dyn",
           .params = {Dyn()},
           .result = String(),
           .doc = "The JSON text of a value, as it would stand in a resource, with sorted keys.",
           .examples = {{"json.marshal({'b': 1, 'a': [1.5, true, null, 'x']})",
                         "'{\"a\":[1.5,true,null,\"x\"],\"b\":1}'"}},
           .eval = Marshal},
      }};
  return library;
}

namespace {

Value Unmarshal(Context& context, Args args) {
  if (!context.Charge(static_cast<std::int64_t>(args[0].AsString().size() / 16))) {
    return Value::Error(kBudgetExceeded);
  }
  auto value = ReadJsonText(context, args[0].AsString());
  if (!value) {
    return Fail(context, "json.unmarshal failed to parse JSON: {}", value.error().message());
  }
  return *value;
}

Value Marshal(Context& context, Args args) {
  std::string out;
  auto written = AppendValue(context, out, args[0], 0);
  if (!written) return Fail(context, "json.marshal {}", written.error().message());
  return NewString(context, out);
}

std::unexpected<Error> CannotConvert(std::string_view reason) {
  return Fail(ErrorCode::kInvalid, "failed to convert value: {}", reason);
}

Result<void> AppendRaw(std::string& out, const json::Object& object) {
  auto appended = AppendJson(out, object);
  if (!appended) return Annotate(appended, "failed to encode value");
  return {};
}

// Whole seconds in UTC; the zero instant is null (spec section 5.4).
std::string TimestampText(Timestamp time) {
  if (time.seconds == kMinTimestampSeconds && time.nanos == 0) return "null";
  time.nanos = 0;
  time.offset_minutes = 0;
  return JsonQuote(FormatTimestamp(time));
}

// The text that a key has in an object.
Result<std::string> KeyText(const Value& key) {
  switch (key.kind()) {
    case Kind::kString:
      return std::string(key.AsString());
    case Kind::kDuration:
      return GoDuration(key.AsDuration());
    case Kind::kTimestamp: {
      std::string text = TimestampText(key.AsTimestamp());
      if (text == "null") return CannotConvert("map key must be string, got <nil>");
      return text.substr(1, text.size() - 2);
    }
    case Kind::kOptional:
      if (key.HasContent() && !key.Content().Is(Kind::kOptional)) return KeyText(key.Content());
      return CannotConvert("map key must be string, got <nil>");
    case Kind::kNull:
      return CannotConvert("map key must be string, got <nil>");
    case Kind::kBool:
      return CannotConvert("map key must be string, got bool");
    case Kind::kInt:
      return CannotConvert("map key must be string, got int64");
    case Kind::kUint:
      return CannotConvert("map key must be string, got uint64");
    case Kind::kDouble:
      return CannotConvert("map key must be string, got float64");
    default:
      return CannotConvert(
          fmt::format("failed to convert map key: unsupported type: {}", TypeName(key)));
  }
}

Result<void> AppendValue(Context& context, std::string& out, const Value& value, int depth) {
  if (depth > kMaxValueDepth) return CannotConvert(kTooDeep);
  if (!context.Charge(1) || out.size() > kMaxTextSize) return CannotConvert(kBudgetExceeded);
  switch (value.kind()) {
    case Kind::kNull:
      out += "null";
      return {};
    case Kind::kBool:
      out += value.AsBool() ? "true" : "false";
      return {};
    case Kind::kInt:
      out += std::to_string(value.AsInt());
      return {};
    case Kind::kUint:
      out += std::to_string(value.AsUint());
      return {};
    case Kind::kDouble:
      if (!std::isfinite(value.AsDouble())) {
        return Fail(ErrorCode::kInvalid, "failed to encode value: {}",
                    UnsupportedNumber(value.AsDouble()));
      }
      out += JsonDouble(value.AsDouble());
      return {};
    case Kind::kString:
      out += JsonQuote(value.AsString());
      return {};
    case Kind::kBytes:
      out += '"' + EncodeBase64(value.AsBytes()) + '"';
      return {};
    case Kind::kDuration:
      out += JsonQuote(GoDuration(value.AsDuration()));
      return {};
    case Kind::kTimestamp:
      out += TimestampText(value.AsTimestamp());
      return {};
    case Kind::kOptional:
      if (!value.HasContent()) {
        out += "null";
        return {};
      }
      return AppendValue(context, out, value.Content(), depth + 1);
    case Kind::kList:
      out += '[';
      for (std::size_t i = 0; i < value.ListSize(); ++i) {
        if (i > 0) out += ',';
        Value element = value.ListAt(context, i);
        if (auto appended = AppendValue(context, out, element, depth + 1); !appended) {
          return appended;
        }
      }
      out += ']';
      return {};
    case Kind::kMap: {
      if (const json::Object* object = value.JsonObject()) return AppendRaw(out, *object);
      std::map<std::string, std::string> members;
      for (MapIterator it(context, value); it.Next();) {
        auto key = KeyText(it.key());
        if (!key) return std::unexpected(key.error());
        std::string text;
        if (auto appended = AppendValue(context, text, it.value(), depth + 1); !appended) {
          return appended;
        }
        members.insert_or_assign(std::move(*key), std::move(text));
      }
      AppendMembers(out, members);
      return {};
    }
    case Kind::kError:
      return CannotConvert("unsupported type: error");
    case Kind::kType:
      return CannotConvert("unsupported type: type");
    case Kind::kOpaque:
      if (IsOmit(value)) {
        out += "{}";
        return {};
      }
      return CannotConvert(fmt::format("unsupported type: {}", TypeName(value)));
  }
  return {};
}

}  // namespace
}  // namespace kro::cel
