// The encoders library (spec section 4.8): base64 and protobuf's JSON.

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

// Integers beyond are no exact doubles; protobuf writes them as strings.
constexpr std::int64_t kMaxExactInt = (std::int64_t{1} << 53) - 1;

Value EncodeBytes(Context& context, Args args);
Value DecodeText(Context& context, Args args);
Value EncodeJson(Context& context, Args args);
Result<void> AppendProtobufJson(Context& context, std::string& out, const Value& value, int depth);

}  // namespace

const Library& EncodersLibrary() {
  static const Library library{
      .name = "encoders",
      .version = 1,
      .doc = "Base64 and JSON.",
      .overloads = {
          {.function = "base64.encode",
           .id = "base64_encode_bytes",
           .params = {Bytes()},
           .result = String(),
           .doc = "The bytes in base64, standard alphabet, padded.",
           .examples = {{"base64.encode(b'hello')", "'aGVsbG8='"}},
           .eval = EncodeBytes},
          {.function = "base64.decode",
           .id = "base64_decode_string",
           .params = {String()},
           .result = Bytes(),
           .doc = "The bytes of a base64 text in the standard alphabet; padding may be missing.",
           .examples = {{"base64.decode('aGVsbG8')", "b'hello'"},
                        {"base64.decode('a-_b')", "error: illegal base64 data at input byte 1"}},
           .eval = DecodeText},
          {.function = "json.encode",
           .id = "json_encode_dyn",
           .params = {Dyn()},
           .result = String(),
           .doc = "The JSON text of a value as protobuf writes it: large integers become strings. "
                  "Data of typed objects is refused; json.marshal takes it.",
           .examples = {{"json.encode({'a': 9007199254740993})", "'{\"a\":\"9007199254740993\"}'"}},
           .eval = EncodeJson},
      }};
  return library;
}

namespace {

Value EncodeBytes(Context& context, Args args) {
  if (args[0].AsBytes().size() > kMaxTextSize / 2) return Value::Error(kBudgetExceeded);
  return NewString(context, EncodeBase64(args[0].AsBytes()));
}

Value DecodeText(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  auto bytes = DecodeBase64(text, Base64Alphabet::kStandard, Base64Padding::kRequired);
  if (!bytes) bytes = DecodeBase64(text, Base64Alphabet::kStandard, Base64Padding::kForbidden);
  if (!bytes) return Fail(context, "illegal base64 data at input byte {}", bytes.error());
  return NewBytes(context, *bytes);
}

Value EncodeJson(Context& context, Args args) {
  std::string out;
  auto written = AppendProtobufJson(context, out, args[0], 0);
  if (!written) return MakeError(context, written.error());
  return NewString(context, out);
}

Result<std::string> KeyText(const Value& key) {
  switch (key.kind()) {
    case Kind::kString:
      return std::string(key.AsString());
    case Kind::kInt:
    case Kind::kUint:
      return Fail(ErrorCode::kInvalid, "unsupported type conversion from '{}' to string",
                  TypeName(key));
    case Kind::kDouble:
      return Fail(ErrorCode::kInvalid, "type conversion error from Double to 'string'");
    default:
      return Fail(ErrorCode::kInvalid, "type conversion error from {} to 'string'", TypeName(key));
  }
}

Result<void> AppendProtobufJson(Context& context, std::string& out, const Value& value, int depth) {
  if (depth > kMaxValueDepth) return Fail(ErrorCode::kExhausted, "{}", kTooDeep);
  if (!context.Charge(1) || out.size() > kMaxTextSize) {
    return Fail(ErrorCode::kExhausted, "{}", kBudgetExceeded);
  }
  switch (value.kind()) {
    case Kind::kNull:
      out += "null";
      return {};
    case Kind::kBool:
      out += value.AsBool() ? "true" : "false";
      return {};
    case Kind::kInt: {
      std::string digits = std::to_string(value.AsInt());
      bool exact = value.AsInt() >= -kMaxExactInt && value.AsInt() <= kMaxExactInt;
      out += exact ? digits : '"' + digits + '"';
      return {};
    }
    case Kind::kUint: {
      std::string digits = std::to_string(value.AsUint());
      bool exact = value.AsUint() <= static_cast<std::uint64_t>(kMaxExactInt);
      out += exact ? digits : '"' + digits + '"';
      return {};
    }
    case Kind::kDouble:
      if (!std::isfinite(value.AsDouble())) {
        return Fail(ErrorCode::kInvalid,
                    "proto: google.protobuf.Value.number_value: invalid {} value",
                    std::isnan(value.AsDouble()) ? "NaN"
                    : value.AsDouble() > 0       ? "+Inf"
                                                 : "-Inf");
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
      out += JsonQuote(FormatDuration(value.AsDuration()));
      return {};
    case Kind::kTimestamp:
      out += JsonQuote(FormatTimestamp(value.AsTimestamp()));
      return {};
    case Kind::kOptional:
      if (!value.HasContent()) return Fail(ErrorCode::kInvalid, "optional.none() dereference");
      return AppendProtobufJson(context, out, value.Content(), depth + 1);
    case Kind::kList:
      if (value.schema() != nullptr) {
        return Fail(ErrorCode::kInvalid, "type conversion error from list to '*structpb.Value'");
      }
      out += '[';
      for (std::size_t i = 0; i < value.ListSize(); ++i) {
        if (i > 0) out += ',';
        Value element = value.ListAt(context, i);
        if (auto appended = AppendProtobufJson(context, out, element, depth + 1); !appended) {
          return appended;
        }
      }
      out += ']';
      return {};
    case Kind::kMap: {
      if (value.schema() != nullptr) {
        return Fail(ErrorCode::kInvalid, "type conversion error from map to '*structpb.Value'");
      }
      std::map<std::string, std::string> members;
      for (MapIterator it(context, value); it.Next();) {
        auto key = KeyText(it.key());
        if (!key) return std::unexpected(key.error());
        std::string text;
        if (auto appended = AppendProtobufJson(context, text, it.value(), depth + 1); !appended) {
          return appended;
        }
        members.insert_or_assign(std::move(*key), std::move(text));
      }
      AppendMembers(out, members);
      return {};
    }
    case Kind::kError:
      return Fail(ErrorCode::kInvalid, "{}", value.AsError());
    case Kind::kType:
      return Fail(ErrorCode::kInvalid, "type conversion not supported for 'type'");
    case Kind::kOpaque: {
      if (IsOmit(value)) {
        return Fail(ErrorCode::kInvalid,
                    "unsupported native conversion from omit to *structpb.Value");
      }
      std::string_view name = TypeName(value);
      name.remove_prefix(std::min(name.rfind('.') + 1, name.size()));
      return Fail(ErrorCode::kInvalid, "type conversion error from '{}' to '*structpb.Value'",
                  name);
    }
  }
  return {};
}

}  // namespace
}  // namespace kro::cel
