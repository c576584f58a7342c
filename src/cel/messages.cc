#include "cel/messages.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

const Message kMessages[] = {
    {"google.protobuf.BoolValue", "@google.protobuf.BoolValue", Value::Bool(false)},
    {"google.protobuf.BytesValue", "@google.protobuf.BytesValue", Value::Bytes("")},
    {"google.protobuf.DoubleValue", "@google.protobuf.DoubleValue", Value::Double(0)},
    {"google.protobuf.FloatValue", "@google.protobuf.FloatValue", Value::Double(0)},
    {"google.protobuf.Int32Value", "@google.protobuf.Int32Value", Value::Int(0)},
    {"google.protobuf.Int64Value", "@google.protobuf.Int64Value", Value::Int(0)},
    {"google.protobuf.StringValue", "@google.protobuf.StringValue", Value::String("")},
    {"google.protobuf.UInt32Value", "@google.protobuf.UInt32Value", Value::Uint(0)},
    {"google.protobuf.UInt64Value", "@google.protobuf.UInt64Value", Value::Uint(0)},
};

Value Same(Context&, Args args) { return args[0]; }
Value ToFloat(Context&, Args args) {
  return Value::Double(static_cast<double>(static_cast<float>(args[0].AsDouble())));
}
Value ToInt32(Context&, Args args);
Value ToUint32(Context&, Args args);
Overload Wrapper(std::string_view function, Type type, EvalFunction eval, std::string_view doc);

}  // namespace

const Message* FindMessage(std::string_view name) {
  auto found = std::ranges::find(kMessages, name, &Message::name);
  return found == std::end(kMessages) ? nullptr : found;
}

std::optional<Type> FieldOfDynamicMessage(std::string_view name) {
  if (name == "null_value") return Int();
  if (name == "bool_value") return Bool();
  if (name == "number_value") return Double();
  if (name == "string_value") return String();
  if (name == "list_value") return ListOf(Dyn());
  if (name == "struct_value") return MapOf(String(), Dyn());
  return std::nullopt;
}

std::optional<std::int64_t> FindEnumValue(std::string_view name) {
  if (name == "google.protobuf.NullValue.NULL_VALUE") return 0;
  return std::nullopt;
}

const Library& MessageFunctions() {
  static const Library& library = *new Library{
      .name = "messages",
      .doc = "What messages that stand for values are made with.",
      .overloads = {
          Wrapper("@google.protobuf.BoolValue", Bool(), Same, "A bool that may be null."),
          Wrapper("@google.protobuf.BytesValue", Bytes(), Same, "Bytes that may be null."),
          Wrapper("@google.protobuf.DoubleValue", Double(), Same, "A double that may be null."),
          Wrapper("@google.protobuf.FloatValue", Double(), ToFloat,
                  "A double of single precision."),
          Wrapper("@google.protobuf.Int32Value", Int(), ToInt32, "An int of 32 bits."),
          Wrapper("@google.protobuf.Int64Value", Int(), Same, "An int that may be null."),
          Wrapper("@google.protobuf.StringValue", String(), Same, "A string that may be null."),
          Wrapper("@google.protobuf.UInt32Value", Uint(), ToUint32, "A uint of 32 bits."),
          Wrapper("@google.protobuf.UInt64Value", Uint(), Same, "A uint that may be null."),
      }};
  return library;
}

namespace {

Overload Wrapper(std::string_view function, Type type, EvalFunction eval, std::string_view doc) {
  return {.function = std::string(function),
          .id = std::string(function.substr(1)),
          .params = {type},
          .result = WrapperOf(type),
          .doc = std::string(doc),
          .eval = eval};
}

Value ToInt32(Context&, Args args) {
  const std::int64_t value = args[0].AsInt();
  if (value < std::numeric_limits<std::int32_t>::min() ||
      value > std::numeric_limits<std::int32_t>::max()) {
    return Value::Error("integer overflow");
  }
  return args[0];
}

Value ToUint32(Context&, Args args) {
  if (args[0].AsUint() > std::numeric_limits<std::uint32_t>::max()) {
    return Value::Error("unsigned integer overflow");
  }
  return args[0];
}

}  // namespace
}  // namespace kro::cel
