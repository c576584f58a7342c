// Kubernetes' quantity library (spec section 4.11).

#include <fmt/format.h>

#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/error_value.h"
#include "cel/library/quantity_value.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

struct QuantityValue : OpaqueBase {
  Quantity::Plain plain;
};

Quantity QuantityOf(const Value& value) {
  return Quantity::FromPlain(value.As<QuantityValue>().plain);
}

Value EqualQuantities(Context&, const Value& a, const Value& b) {
  return Value::Bool(QuantityOf(a) == QuantityOf(b));
}

std::string ShowQuantity(const Value& value) {
  return fmt::format("quantity(\"{}\")", QuantityOf(value).ToString());
}

constexpr OpaqueType kQuantityType{
    .name = "kubernetes.Quantity", .equal = EqualQuantities, .text = ShowQuantity};

Value ParseQuantity(Context& context, Args args);
Value IsQuantity(Context& context, Args args);
Value IsInteger(Context&, Args args) {
  return Value::Bool(QuantityOf(args[0]).AsInt().has_value());
}
Value AsInteger(Context& context, Args args);
Value AsApproximateFloat(Context& context, Args args);
Value Sign(Context&, Args args) { return Value::Int(QuantityOf(args[0]).Sign()); }
Value Plus(Context& context, Args args);
Value Minus(Context& context, Args args);
Value CompareTo(Context& context, Args args);
Value IsGreaterThan(Context& context, Args args);
Value IsLessThan(Context& context, Args args);

}  // namespace

const Library& QuantityLibrary() {
  static const Type quantity = Object(kQuantityType.name);
  static const Library library{
      .name = "kubernetes.quantity",
      .doc = "Resource quantities: 500m, 1.5Gi, 2e3.",
      .overloads = {
          {.function = "quantity",
           .id = "string_to_quantity",
           .params = {String()},
           .result = quantity,
           .doc = "Reads a quantity.",
           .examples = {{"quantity('1') == quantity('1000m')", "true"},
                        {"quantity('200K')", "error: unable to parse quantity's suffix"}},
           .eval = ParseQuantity},
          {.function = "isQuantity",
           .id = "is_quantity_string",
           .params = {String()},
           .result = Bool(),
           .doc = "Whether quantity() can read the text.",
           .examples = {{"isQuantity('1.3Gi')", "true"}, {"isQuantity('1,3G')", "false"}},
           .eval = IsQuantity},
          {.function = "isInteger",
           .id = "quantity_is_integer",
           .style = Style::kReceiver,
           .params = {quantity},
           .result = Bool(),
           .doc = "Whether asInteger() gives a number: no fraction digits, even zeros, and small "
                  "enough.",
           .examples = {{"quantity('50k').isInteger()", "true"},
                        {"quantity('1.0').isInteger()", "false"}},
           .eval = IsInteger},
          {.function = "asInteger",
           .id = "quantity_get_int",
           .style = Style::kReceiver,
           .params = {quantity},
           .result = Int(),
           .doc = "The quantity as an int.",
           .examples = {{"quantity('50k').asInteger()", "50000"},
                        {"quantity('500m').asInteger()", "error: cannot convert value to integer"}},
           .eval = AsInteger},
          {.function = "asApproximateFloat",
           .id = "quantity_get_float",
           .style = Style::kReceiver,
           .params = {quantity},
           .result = Double(),
           .doc = "The nearest double.",
           .examples = {{"quantity('500m').asApproximateFloat()", "0.5"}},
           .eval = AsApproximateFloat},
          {.function = "sign",
           .id = "quantity_sign",
           .params = {quantity},
           .result = Int(),
           .doc = "-1, 0 or 1.",
           .examples = {{"sign(quantity('-5'))", "-1"}},
           .eval = Sign},
          {.function = "add",
           .id = "quantity_add",
           .style = Style::kReceiver,
           .params = {quantity, quantity},
           .result = quantity,
           .doc = "The exact sum.",
           .examples = {{"quantity('50k').add(quantity('20k')) == quantity('70k')", "true"}},
           .eval = Plus},
          {.function = "add",
           .id = "quantity_add_int",
           .style = Style::kReceiver,
           .params = {quantity, Int()},
           .result = quantity,
           .doc = "The exact sum.",
           .examples = {{"quantity('50k').add(20000) == quantity('70k')", "true"}},
           .eval = Plus},
          {.function = "sub",
           .id = "quantity_sub",
           .style = Style::kReceiver,
           .params = {quantity, quantity},
           .result = quantity,
           .doc = "The exact difference.",
           .examples = {{"quantity('50k').sub(quantity('20k')) == quantity('30k')", "true"}},
           .eval = Minus},
          {.function = "sub",
           .id = "quantity_sub_int",
           .style = Style::kReceiver,
           .params = {quantity, Int()},
           .result = quantity,
           .doc = "The exact difference.",
           .examples = {{"quantity('50k').sub(20000) == quantity('30k')", "true"}},
           .eval = Minus},
          {.function = "compareTo",
           .id = "quantity_compare_to",
           .style = Style::kReceiver,
           .params = {quantity, quantity},
           .result = Int(),
           .doc = "-1, 0 or 1: less, equal, greater.",
           .examples = {{"quantity('200M').compareTo(quantity('0.2G'))", "0"}},
           .eval = CompareTo},
          {.function = "isGreaterThan",
           .id = "quantity_is_greater_than",
           .style = Style::kReceiver,
           .params = {quantity, quantity},
           .result = Bool(),
           .doc = "Whether the receiver is the greater one.",
           .examples = {{"quantity('150Mi').isGreaterThan(quantity('100Mi'))", "true"}},
           .eval = IsGreaterThan},
          {.function = "isLessThan",
           .id = "quantity_is_less_than",
           .style = Style::kReceiver,
           .params = {quantity, quantity},
           .result = Bool(),
           .doc = "Whether the receiver is the smaller one.",
           .examples = {{"quantity('50M').isLessThan(quantity('100M'))", "true"}},
           .eval = IsLessThan},
      }};
  return library;
}

namespace {

Value MakeQuantity(Context& context, const Quantity& quantity) {
  std::string digits;
  Quantity::Plain plain = quantity.ToPlain(digits);
  if (!ChargeText(context, digits.size())) return Value::Error(kBudgetExceeded);
  plain.digits = context.arena().Copy(digits);
  return Value::Abstract(context.arena().New<QuantityValue>(OpaqueBase{&kQuantityType}, plain));
}

Value ParseQuantity(Context& context, Args args) {
  auto quantity = Quantity::Parse(args[0].AsString());
  if (!quantity) return MakeError(context, quantity.error());
  return MakeQuantity(context, *quantity);
}

Value IsQuantity(Context&, Args args) {
  return Value::Bool(Quantity::Parse(args[0].AsString()).has_value());
}

Value AsInteger(Context&, Args args) {
  auto value = QuantityOf(args[0]).AsInt();
  if (!value) return Value::Error("cannot convert value to integer");
  return Value::Int(*value);
}

Value AsApproximateFloat(Context&, Args args) {
  return Value::Double(QuantityOf(args[0]).AsApproximateDouble());
}

Quantity OperandOf(const Value& value) {
  return value.Is(Kind::kInt) ? Quantity::Of(value.AsInt()) : QuantityOf(value);
}

Value Plus(Context& context, Args args) {
  return MakeQuantity(context, QuantityOf(args[0]).Plus(OperandOf(args[1])));
}

Value Minus(Context& context, Args args) {
  return MakeQuantity(context, QuantityOf(args[0]).Minus(OperandOf(args[1])));
}

std::strong_ordering Order(Args args) { return QuantityOf(args[0]) <=> QuantityOf(args[1]); }

Value CompareTo(Context&, Args args) {
  auto order = Order(args);
  return Value::Int(order < 0 ? -1 : order > 0 ? 1 : 0);
}

Value IsGreaterThan(Context&, Args args) { return Value::Bool(Order(args) > 0); }
Value IsLessThan(Context&, Args args) { return Value::Bool(Order(args) < 0); }

}  // namespace
}  // namespace kro::cel
