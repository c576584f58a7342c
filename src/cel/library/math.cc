// The math library of the CEL specification; not part of kro's environment.

#include <cmath>

#include "cel/library.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

// math.greatest and math.least take so many arguments; more go in a list.
constexpr std::size_t kMaxArguments = 8;

Value Greatest(Context& context, Args args);
Value Least(Context& context, Args args);

template <double (*kFunction)(double)>
Value Apply(Context&, Args args) {
  return Value::Double(kFunction(args[0].AsDouble()));
}
// Halves go away from zero.
double Round(double d) { return std::round(d); }
double Ceil(double d) { return std::ceil(d); }
double Floor(double d) { return std::floor(d); }
double Trunc(double d) { return std::trunc(d); }

Value IsNan(Context&, Args args) { return Value::Bool(std::isnan(args[0].AsDouble())); }
Value IsInf(Context&, Args args) { return Value::Bool(std::isinf(args[0].AsDouble())); }
Value IsFinite(Context&, Args args) { return Value::Bool(std::isfinite(args[0].AsDouble())); }
Value Abs(Context& context, Args args);
Value SignOf(Context& context, Args args);
Value SquareRoot(Context& context, Args args);
Value BitAnd(Context& context, Args args);
Value BitOr(Context& context, Args args);
Value BitXor(Context& context, Args args);
Value BitNot(Context& context, Args args);
Value ShiftLeft(Context& context, Args args);
Value ShiftRight(Context& context, Args args);

void AddExtremes(Library& library, std::string_view name, EvalFunction eval, std::string_view doc,
                 std::string_view result);

}  // namespace

const Library& MathLibrary() {
  static const Library library = [] {
    Library math{.name = "math", .version = 2, .doc = "Numbers and bits."};
    auto add = [&](std::string name, std::string id, std::vector<Type> params, Type result,
                   std::string doc, EvalFunction eval, std::vector<Example> examples = {}) {
      math.overloads.push_back({.function = "math." + name,
                                .id = std::move(id),
                                .params = std::move(params),
                                .result = result,
                                .doc = std::move(doc),
                                .examples = std::move(examples),
                                .eval = eval});
    };
    AddExtremes(math, "greatest", Greatest, "The greatest of some numbers.", "3");
    AddExtremes(math, "least", Least, "The least of some numbers.", "1");
    add("ceil", "math_ceil_double", {Double()}, Double(), "Rounded up.", Apply<Ceil>,
        {{"math.ceil(1.2)", "2.0"}});
    add("floor", "math_floor_double", {Double()}, Double(), "Rounded down.", Apply<Floor>,
        {{"math.floor(-1.2)", "-2.0"}});
    add("round", "math_round_double", {Double()}, Double(),
        "Rounded to the nearest whole number, halves away from zero.", Apply<Round>,
        {{"math.round(2.5)", "3.0"}});
    add("trunc", "math_trunc_double", {Double()}, Double(), "Without the fraction.", Apply<Trunc>,
        {{"math.trunc(-1.7)", "-1.0"}});
    add("isNaN", "math_isNaN_double", {Double()}, Bool(), "Whether it is no number.", IsNan,
        {{"math.isNaN(0.0 / 0.0)", "true"}});
    add("isInf", "math_isInf_double", {Double()}, Bool(), "Whether it is infinite.", IsInf,
        {{"math.isInf(1.0 / 0.0)", "true"}});
    add("isFinite", "math_isFinite_double", {Double()}, Bool(), "Whether it is a finite number.",
        IsFinite, {{"math.isFinite(1.5)", "true"}});
    struct Number {
      std::string_view name;
      Type type;
    };
    const Number numbers[] = {{"int", Int()}, {"uint", Uint()}, {"double", Double()}};
    for (const Number& number : numbers) {
      add("abs", fmt::format("math_abs_{}", number.name), {number.type}, number.type,
          "The absolute value.", Abs);
      add("sign", fmt::format("math_sign_{}", number.name), {number.type}, number.type,
          "-1, 0 or 1; NaN for NaN.", SignOf);
      add("sqrt", fmt::format("math_sqrt_{}", number.name), {number.type}, Double(),
          "The square root; NaN for negative numbers.", SquareRoot);
      if (number.name == "double") continue;
      auto id = [&](std::string_view name) {
        return fmt::format("math_{}_{}_{}", name, number.name, number.name);
      };
      add("bitAnd", id("bitAnd"), {number.type, number.type}, number.type, "Bits set in both.",
          BitAnd);
      add("bitOr", id("bitOr"), {number.type, number.type}, number.type, "Bits set in one or both.",
          BitOr);
      add("bitXor", id("bitXor"), {number.type, number.type}, number.type, "Bits set in just one.",
          BitXor);
      add("bitNot", id("bitNot"), {number.type}, number.type, "All bits turned.", BitNot);
      add("bitShiftLeft", fmt::format("math_bitShiftLeft_{}_int", number.name),
          {number.type, Int()}, number.type, "Bits moved to the left; zero from 64 places on.",
          ShiftLeft);
      add("bitShiftRight", fmt::format("math_bitShiftRight_{}_int", number.name),
          {number.type, Int()}, number.type,
          "Bits moved to the right, zeros filling from the left.", ShiftRight);
    }
    return math;
  }();
  return library;
}

namespace {

void AddExtremes(Library& library, std::string_view name, EvalFunction eval, std::string_view doc,
                 std::string_view result) {
  auto add = [&](std::string id, std::vector<Type> params, Type type) {
    library.overloads.push_back({.function = fmt::format("math.{}", name),
                                 .id = fmt::format("math_{}_{}", name, id),
                                 .params = std::move(params),
                                 .result = type,
                                 .doc = std::string(doc),
                                 .eval = eval,
                                 .guard = Guard::kNone});
  };
  add("int", {Int()}, Int());
  add("uint", {Uint()}, Uint());
  add("double", {Double()}, Double());
  add("list_int", {ListOf(Int())}, Int());
  add("list_uint", {ListOf(Uint())}, Uint());
  add("list_double", {ListOf(Double())}, Double());
  add("list_dyn", {ListOf(Dyn())}, Dyn());
  for (std::size_t count = 2; count <= kMaxArguments; ++count) {
    add(fmt::format("{}", count), std::vector<Type>(count, Dyn()), Dyn());
  }
  library.overloads.back().examples = {
      {fmt::format("math.{}(2, 1, 3)", name), std::string(result)}};
}

enum class Extreme { kLeast, kGreatest };

Value FindExtreme(Context& context, std::string_view name, Args args, Extreme extreme) {
  Value best;
  for (const Value& value : args) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    if (value.IsError()) return value;
    if (!value.IsNumber()) return Fail(context, "no such overload: math.{}", name);
    auto order = best.IsNull() ? std::nullopt : Compare(value, best);
    bool better = order && (extreme == Extreme::kGreatest ? *order > 0 : *order < 0);
    if (best.IsNull() || better) best = value;
  }
  return best;
}

Value FindExtremeOf(Context& context, std::string_view name, Args args, Extreme extreme) {
  if (args.size() != 1 || !args[0].Is(Kind::kList)) {
    return FindExtreme(context, name, args, extreme);
  }
  std::vector<Value> elements;
  for (std::size_t i = 0; i < args[0].ListSize(); ++i) {
    elements.push_back(args[0].ListAt(context, i));
  }
  if (elements.empty()) return Fail(context, "math.{}(list) argument must not be empty", name);
  return FindExtreme(context, name, elements, extreme);
}

Value Greatest(Context& context, Args args) {
  return FindExtremeOf(context, "greatest", args, Extreme::kGreatest);
}

Value Least(Context& context, Args args) {
  return FindExtremeOf(context, "least", args, Extreme::kLeast);
}

Value Abs(Context&, Args args) {
  if (args[0].Is(Kind::kDouble)) return Value::Double(std::fabs(args[0].AsDouble()));
  if (args[0].Is(Kind::kUint)) return args[0];
  if (args[0].AsInt() == INT64_MIN) return Value::Error("integer overflow");
  return Value::Int(args[0].AsInt() < 0 ? -args[0].AsInt() : args[0].AsInt());
}

Value SignOf(Context&, Args args) {
  if (args[0].Is(Kind::kUint)) return Value::Uint(args[0].AsUint() > 0 ? 1 : 0);
  if (args[0].Is(Kind::kInt)) {
    return Value::Int(args[0].AsInt() > 0 ? 1 : args[0].AsInt() < 0 ? -1 : 0);
  }
  double d = args[0].AsDouble();
  return Value::Double(d > 0 ? 1.0 : d < 0 ? -1.0 : d);
}

Value SquareRoot(Context&, Args args) {
  if (args[0].Is(Kind::kInt)) return Value::Double(std::sqrt(static_cast<double>(args[0].AsInt())));
  if (args[0].Is(Kind::kUint)) {
    return Value::Double(std::sqrt(static_cast<double>(args[0].AsUint())));
  }
  return Value::Double(std::sqrt(args[0].AsDouble()));
}

// The 64 bits of an int or uint, and a number of the same type with other bits.
std::uint64_t BitsOf(const Value& value) {
  return value.Is(Kind::kUint) ? value.AsUint() : static_cast<std::uint64_t>(value.AsInt());
}
Value WithBits(const Value& like, std::uint64_t bits) {
  return like.Is(Kind::kUint) ? Value::Uint(bits) : Value::Int(static_cast<std::int64_t>(bits));
}

Value BitAnd(Context&, Args args) { return WithBits(args[0], BitsOf(args[0]) & BitsOf(args[1])); }
Value BitOr(Context&, Args args) { return WithBits(args[0], BitsOf(args[0]) | BitsOf(args[1])); }
Value BitXor(Context&, Args args) { return WithBits(args[0], BitsOf(args[0]) ^ BitsOf(args[1])); }
Value BitNot(Context&, Args args) { return WithBits(args[0], ~BitsOf(args[0])); }

Value ShiftLeft(Context& context, Args args) {
  std::int64_t places = args[1].AsInt();
  if (places < 0) return Fail(context, "math.bitShiftLeft() negative offset: {}", places);
  return WithBits(args[0], places > 63 ? 0 : BitsOf(args[0]) << places);
}

Value ShiftRight(Context& context, Args args) {
  std::int64_t places = args[1].AsInt();
  if (places < 0) return Fail(context, "math.bitShiftRight() negative offset: {}", places);
  return WithBits(args[0], places > 63 ? 0 : BitsOf(args[0]) >> places);
}

}  // namespace
}  // namespace kro::cel
