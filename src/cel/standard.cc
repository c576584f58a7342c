// The standard library: spec section 3.
#include <re2/re2.h>

#include <absl/time/time.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>

#include "cel/civil.h"
#include "cel/library.h"
#include "cel/library/regex_pattern.h"
#include "cel/library/text_search.h"
#include "cel/operators.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

constexpr std::int64_t kNanosPerSecond = 1000000000;

// ---- Operators -------------------------------------------------------------------------------

Value AddValues(Context& context, Args args) { return Add(context, args[0], args[1]); }
Value SubtractValues(Context& context, Args args) { return Subtract(context, args[0], args[1]); }
Value MultiplyValues(Context& context, Args args) { return Multiply(context, args[0], args[1]); }
Value DivideValues(Context& context, Args args) { return Divide(context, args[0], args[1]); }
Value ModuloValues(Context& context, Args args) { return Modulo(context, args[0], args[1]); }
Value NegateValue(Context& context, Args args) { return Negate(context, args[0]); }
Value NotValue(Context&, Args args) { return Not(args[0]); }
Value EqualValues(Context& context, Args args) { return Equal(context, args[0], args[1]); }
Value NotEqualValues(Context& context, Args args) { return NotEqual(context, args[0], args[1]); }
Value LessValues(Context& context, Args args) {
  return Order(context, args[0], args[1], Ordering::kLess);
}
Value LessEqualsValues(Context& context, Args args) {
  return Order(context, args[0], args[1], Ordering::kLessEquals);
}
Value GreaterValues(Context& context, Args args) {
  return Order(context, args[0], args[1], Ordering::kGreater);
}
Value GreaterEqualsValues(Context& context, Args args) {
  return Order(context, args[0], args[1], Ordering::kGreaterEquals);
}
Value InValues(Context& context, Args args) { return In(context, args[0], args[1]); }
Value IndexValues(Context& context, Args args) { return Index(context, args[0], args[1]); }
Value OptionalIndexValues(Context& context, Args args) {
  return OptionalIndex(context, args[0], args[1]);
}

// These are the evaluator's own; the declarations are for the checker.
Value And(Context&, Args args) { return Value::Bool(args[0].IsTrue() && args[1].IsTrue()); }
Value Or(Context&, Args args) { return Value::Bool(args[0].IsTrue() || args[1].IsTrue()); }
Value Choose(Context&, Args args) { return args[0].IsTrue() ? args[1] : args[2]; }
Value NotStrictlyFalse(Context&, Args args) { return Value::Bool(!args[0].IsFalse()); }

// ---- Conversions -----------------------------------------------------------------------------

Value ConversionError(Context& context, std::string_view from, std::string_view to) {
  return Fail(context, "type conversion error from '{}' to '{}'", from, to);
}

Value Identity(Context&, Args args) { return args[0]; }
Value TypeOfValue(Context&, Args args) { return Value::Type(TypeName(args[0])); }

// Decimal digits; for int with an optional sign.
template <typename Number>
bool ParseDecimal(std::string_view text, Number& number) {
  if constexpr (std::is_signed_v<Number>) {
    if (text.starts_with('+')) {
      text.remove_prefix(1);
      if (text.starts_with('-')) return false;
    }
  }
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Value ToInt(Context& context, Args args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kInt:
      return v;
    case Kind::kUint:
      if (v.AsUint() > INT64_MAX) return Value::Error("integer overflow");
      return Value::Int(v.AsInt());
    case Kind::kDouble: {
      double d = v.AsDouble();
      if (!(d > -9223372036854775808.0 && d < 9223372036854775808.0)) {
        return Value::Error("integer overflow");
      }
      return Value::Int(static_cast<std::int64_t>(d));
    }
    case Kind::kString: {
      std::int64_t i;
      if (!ParseDecimal(v.AsString(), i)) return ConversionError(context, "string", "int");
      return Value::Int(i);
    }
    case Kind::kTimestamp:
      return Value::Int(v.AsTimestamp().seconds);
    case Kind::kDuration:
      return Value::Int(v.AsDuration());
    default:
      return NoSuchOverload();
  }
}

Value ToUint(Context& context, Args args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kUint:
      return v;
    case Kind::kInt:
      if (v.AsInt() < 0) return Value::Error("unsigned integer overflow");
      return Value::Uint(v.AsUint());
    case Kind::kDouble: {
      double d = v.AsDouble();
      if (!(d >= 0 && d < 18446744073709551616.0)) return Value::Error("unsigned integer overflow");
      return Value::Uint(static_cast<std::uint64_t>(d));
    }
    case Kind::kString: {
      std::uint64_t u;
      if (!ParseDecimal(v.AsString(), u)) return ConversionError(context, "string", "uint");
      return Value::Uint(u);
    }
    default:
      return NoSuchOverload();
  }
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// What Go's strconv.ParseFloat takes: decimal or hexadecimal with an exponent, inf, nan, and single
// underscores between digits.
bool ParseDouble(std::string_view text, double& number) {
  std::string_view body = text;
  bool negative = body.starts_with('-');
  bool sign = negative || body.starts_with('+');
  if (sign) body.remove_prefix(1);
  std::string lower;
  for (char c : body) lower += Lower(c);
  if (lower == "inf" || lower == "infinity") {
    number = negative ? -HUGE_VAL : HUGE_VAL;
    return true;
  }
  if (lower == "nan") {
    number = std::nan("");
    return !sign;
  }
  bool hex = lower.starts_with("0x");
  std::string digits;
  std::string_view rest = std::string_view(lower).substr(hex ? 2 : 0);
  bool any = false, exponent = false, point = false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    char c = rest[i];
    bool digit = IsDigit(c) || (hex && !exponent && c >= 'a' && c <= 'f');
    if (digit) {
      any = true;
    } else if (c == '_') {
      bool before =
          (i > 0 && digits.size() && (IsDigit(rest[i - 1]) || (hex && rest[i - 1] >= 'a'))) ||
          (hex && i == 0);
      bool after =
          i + 1 < rest.size() && (IsDigit(rest[i + 1]) || (hex && std::isxdigit(rest[i + 1])));
      if (!before || !after) return false;
      continue;
    } else if (c == '.' && !point && !exponent) {
      point = true;
    } else if (any && !exponent && c == (hex ? 'p' : 'e')) {
      exponent = true;
      digits += c;
      if (i + 1 < rest.size() && (rest[i + 1] == '+' || rest[i + 1] == '-')) digits += rest[++i];
      if (i + 1 >= rest.size() || !IsDigit(rest[i + 1])) return false;
      continue;
    } else {
      return false;
    }
    digits += c;
  }
  if (!any || (hex && !exponent)) return false;
  std::string c_text = (hex ? "0x" : "") + digits;
  number = std::strtod(c_text.c_str(), nullptr);
  if (std::isinf(number)) return false;
  if (negative) number = -number;
  return true;
}

Value ToDouble(Context& context, Args args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kDouble:
      return v;
    case Kind::kInt:
      return Value::Double(static_cast<double>(v.AsInt()));
    case Kind::kUint:
      return Value::Double(static_cast<double>(v.AsUint()));
    case Kind::kString: {
      double d;
      if (!ParseDouble(v.AsString(), d)) return ConversionError(context, "string", "double");
      return Value::Double(d);
    }
    default:
      return NoSuchOverload();
  }
}

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t size = lead < 0x80       ? 1
                       : lead >> 5 == 6  ? 2
                       : lead >> 4 == 14 ? 3
                       : lead >> 3 == 30 ? 4
                                         : 0;
    if (size == 0 || i + size > text.size()) return false;
    std::uint32_t code = size == 1 ? lead : lead & (0xffu >> (size + 1));
    for (std::size_t j = 1; j < size; ++j) {
      auto next = static_cast<unsigned char>(text[i + j]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3f);
    }
    static constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    i += size;
  }
  return true;
}

Value ToString(Context& context, Args args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kString:
      return v;
    case Kind::kBool:
      return Value::String(v.AsBool() ? "true" : "false");
    case Kind::kInt:
    case Kind::kUint: {
      fmt::format_int text =
          v.Is(Kind::kInt) ? fmt::format_int(v.AsInt()) : fmt::format_int(v.AsUint());
      return MakeString(context, {text.data(), text.size()});
    }
    case Kind::kDouble:
      return MakeString(context, FormatDouble(v.AsDouble()));
    case Kind::kBytes:
      if (!IsUtf8(v.AsBytes())) {
        return Value::Error("invalid UTF-8 in bytes, cannot convert to string");
      }
      return Value::String(v.AsBytes());
    case Kind::kTimestamp:
      return MakeString(context, FormatTimestamp(v.AsTimestamp()));
    case Kind::kDuration:
      return MakeString(context, FormatDuration(v.AsDuration()));
    default:
      return NoSuchOverload();
  }
}

Value ToBytes(Context&, Args args) { return Value::Bytes(args[0].AsString()); }

Value ToBool(Context& context, Args args) {
  if (args[0].Is(Kind::kBool)) return args[0];
  std::string_view text = args[0].AsString();
  for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return Value::Bool(true);
  }
  for (std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return Value::Bool(false);
  }
  return ConversionError(context, "string", "bool");
}

Value ToDuration(Context& context, Args args) {
  if (args[0].Is(Kind::kDuration)) return args[0];
  auto nanoseconds = ParseDuration(args[0].AsString());
  if (!nanoseconds) return ConversionError(context, "string", "google.protobuf.Duration");
  return Value::Duration(*nanoseconds);
}

// Whether a text has the shape of RFC 3339: two-digit fields in range, but not yet a real instant.
bool HasRfc3339Shape(std::string_view text) {
  static const RE2 kShape(
      R"(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d))");
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), kShape);
}

Value ToTimestamp(Context& context, Args args) {
  const Value& v = args[0];
  if (v.Is(Kind::kTimestamp)) return v;
  Timestamp time;
  if (v.Is(Kind::kInt)) {
    time.seconds = v.AsInt();
  } else {
    if (!HasRfc3339Shape(v.AsString())) {
      return Fail(context, "invalid RFC 3339 timestamp \"{}\"", v.AsString());
    }
    auto parsed = ParseTimestamp(v.AsString(), Rfc3339::kStrict);
    if (!parsed) return ConversionError(context, "string", "google.protobuf.Timestamp");
    time = *parsed;
  }
  if (time.seconds < kMinTimestampSeconds || time.seconds > kMaxTimestampSeconds) {
    return Value::Error("timestamp overflow");
  }
  return Value::Time(time);
}

// ---- Strings, sizes --------------------------------------------------------------------------

Value Size(Context&, Args args) {
  const Value& v = args[0];
  switch (v.kind()) {
    case Kind::kString:
      return Value::Int(static_cast<std::int64_t>(CodePoints(v.AsString())));
    case Kind::kBytes:
      return Value::Int(static_cast<std::int64_t>(v.AsBytes().size()));
    case Kind::kList:
      return Value::Int(static_cast<std::int64_t>(v.ListSize()));
    case Kind::kMap:
      return Value::Int(static_cast<std::int64_t>(v.MapSize()));
    default:
      return Value::Error("no such overload: size");
  }
}

Value Contains(Context&, Args args) {
  return Value::Bool(FindText(args[0].AsString(), args[1].AsString()) != std::string_view::npos);
}

Value StartsWith(Context&, Args args) {
  return Value::Bool(args[0].AsString().starts_with(args[1].AsString()));
}

Value EndsWith(Context&, Args args) {
  return Value::Bool(args[0].AsString().ends_with(args[1].AsString()));
}

bool Search(const RE2& pattern, std::string_view text) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

Value Matches(Context& context, Args args) {
  auto pattern = CompilePattern(args[1].AsString());
  if (!pattern) return Fail(context, "{}", pattern.error().message());
  if (!ChargeCompilation(context, **pattern) ||
      !ChargeSearch(context, **pattern, args[0].AsString().size())) {
    return Value::Error(kBudgetExceeded);
  }
  return Value::Bool(Search(**pattern, args[0].AsString()));
}

// A constant pattern, compiled by the first evaluation that asks for it: an invalid one is no
// planning error, and a compiled one takes more time and memory than the rest of its program.
class LazyPattern {
 public:
  Value Search(Context& context, Args args) const {
    std::call_once(once_, [&] {
      auto compiled = CompilePattern(args[1].AsString());
      if (compiled) {
        pattern_ = std::move(*compiled);
      } else {
        problem_ = compiled.error().message();
      }
    });
    if (!pattern_) return Value::Error(problem_);
    if (!ChargeSearch(context, *pattern_, args[0].AsString().size())) {
      return Value::Error(kBudgetExceeded);
    }
    return Value::Bool(cel::Search(*pattern_, args[0].AsString()));
  }

 private:
  mutable std::once_flag once_;
  mutable std::shared_ptr<const RE2> pattern_;  // null: not compiled, or invalid
  mutable std::string problem_;
};

Result<Preparation::Prepared> PrepareMatches(std::span<const Value* const> constants) {
  if (!constants[1] || !constants[1]->Is(Kind::kString)) return Preparation::Prepared();
  return Preparation::Prepared(std::make_shared<const LazyPattern>());
}

Value MatchesPrepared(Context& context, const void* prepared, Args args) {
  return static_cast<const LazyPattern*>(prepared)->Search(context, args);
}

// ---- Timestamps and durations ----------------------------------------------------------------

enum class Part {
  kFullYear,
  kMonth,
  kDayOfYear,
  kDayOfMonth,
  kDate,
  kDayOfWeek,
  kHours,
  kMinutes,
  kSeconds,
  kMilliseconds,
};

// "+05:30", "-5:0", "05:30": seconds east of UTC, or an error.
Value FixedOffset(Context& context, std::string_view zone) {
  std::size_t colon = zone.find(':');
  auto number = [&](std::string_view text, std::int64_t& out) {
    std::string_view digits = text;
    bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit) ||
        digits.size() > 9) {
      return false;
    }
    std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (negative) out = -out;
    return true;
  };
  std::int64_t hours, minutes;
  std::string_view hour_text = zone.substr(0, colon), minute_text = zone.substr(colon + 1);
  if (!number(hour_text, hours)) {
    return Fail(context, "strconv.Atoi: parsing \"{}\": invalid syntax", hour_text);
  }
  if (!number(minute_text, minutes)) {
    return Fail(context, "strconv.Atoi: parsing \"{}\": invalid syntax", minute_text);
  }
  if (hours < -23 || hours > 23) {
    return Fail(context, "timezone offset hours out of range [-23, 23]: {}", zone);
  }
  if (minutes < 0 || minutes > 59) {
    return Fail(context, "timezone offset minutes out of range [0, 59]: {}", zone);
  }
  std::int64_t offset = hours * 3600 + (zone.starts_with('-') ? -minutes : minutes) * 60;
  return Value::Int(offset);
}

// Abseil keeps every name that it was ever asked for, so it is asked only for what is there.
bool IsInDatabase(std::string_view zone) {
  constexpr std::size_t kLongestName = 64;
  if (zone.size() > kLongestName || zone.find('\0') != std::string_view::npos) return false;
  const char* folder = std::getenv("TZDIR");
  std::error_code ignored;  // what cannot be read is not there
  return std::filesystem::is_regular_file(
      std::filesystem::path(folder && *folder ? folder : "/usr/share/zoneinfo") / zone, ignored);
}

// A look at the file system, in steps.
constexpr std::int64_t kZoneLookup = 100;

// Seconds east of UTC that a zone has at an instant, or an error.
Value ZoneOffset(Context& context, std::string_view zone, std::int64_t seconds) {
  if (zone.empty() || zone == "UTC" || zone == "Local") return Value::Int(0);
  if (zone.find(':') != std::string_view::npos) return FixedOffset(context, zone);
  if (zone[0] == '/' || zone[0] == '\\' || zone.find("..") != std::string_view::npos) {
    return Value::Error("time: invalid location name");
  }
  if (!context.Charge(kZoneLookup)) return Value::Error(kBudgetExceeded);
  absl::TimeZone loaded;
  if (!IsInDatabase(zone) || !absl::LoadTimeZone(std::string(zone), &loaded)) {
    return Fail(context, "unknown time zone {}", zone);
  }
  return Value::Int(loaded.At(absl::FromUnixSeconds(seconds)).offset);
}

Value PartOf(Context& context, Args args, Part part) {
  Timestamp time = args[0].AsTimestamp();
  std::int64_t offset = 0;
  if (args.size() == 2) {
    Value found = ZoneOffset(context, args[1].AsString(), time.seconds);
    if (found.IsError()) return found;
    offset = found.AsInt();
  }
  CivilTime civil = ToCivil(time.seconds + offset);
  switch (part) {
    case Part::kFullYear:
      return Value::Int(civil.year);
    case Part::kMonth:
      return Value::Int(civil.month - 1);
    case Part::kDayOfYear:
      return Value::Int(civil.day_of_year);
    case Part::kDayOfMonth:
      return Value::Int(civil.day - 1);
    case Part::kDate:
      return Value::Int(civil.day);
    case Part::kDayOfWeek:
      return Value::Int(civil.weekday);
    case Part::kHours:
      return Value::Int(civil.hour);
    case Part::kMinutes:
      return Value::Int(civil.minute);
    case Part::kSeconds:
      return Value::Int(civil.second);
    case Part::kMilliseconds:
      return Value::Int(time.nanos / 1000000);
  }
  return {};
}

template <Part part>
Value TimestampPart(Context& context, Args args) {
  return PartOf(context, args, part);
}

template <std::int64_t unit>
Value DurationIn(Context&, Args args) {
  return Value::Int(args[0].AsDuration() / unit);
}

// ---- Declarations ----------------------------------------------------------------------------

class Declarations {
 public:
  // A global function or operator.
  void Global(std::string function, std::string id, std::vector<Type> params, Type result,
              EvalFunction eval, std::string doc, std::vector<Example> examples = {}) {
    Declare(Style::kGlobal, std::move(function), std::move(id), std::move(params), result, eval,
            std::move(doc), std::move(examples));
  }

  void Member(std::string function, std::string id, std::vector<Type> params, Type result,
              EvalFunction eval, std::string doc, std::vector<Example> examples = {}) {
    Declare(Style::kReceiver, std::move(function), std::move(id), std::move(params), result, eval,
            std::move(doc), std::move(examples));
  }

  Overload& last() { return overloads_.back(); }
  std::vector<Overload> Take() { return std::move(overloads_); }

 private:
  void Declare(Style style, std::string function, std::string id, std::vector<Type> params,
               Type result, EvalFunction eval, std::string doc, std::vector<Example> examples) {
    overloads_.push_back({.function = std::move(function),
                          .id = std::move(id),
                          .style = style,
                          .params = std::move(params),
                          .result = result,
                          .doc = std::move(doc),
                          .examples = std::move(examples),
                          .eval = eval});
  }

  std::vector<Overload> overloads_;
};

void DeclareLogic(Declarations& d) {
  d.Global("_?_:_", "conditional", {Bool(), T(), T()}, T(), Choose,
           "The second operand if the first is true, else the third; only that one is evaluated.",
           {{"true ? 1 : 2", "1"}});
  d.Global("_&&_", "logical_and", {Bool(), Bool()}, Bool(), And,
           "True if both are. False if one is, even if the other is an error.",
           {{"1 / 0 == 1 && false", "false"}});
  d.Global("_||_", "logical_or", {Bool(), Bool()}, Bool(), Or,
           "True if one is, even if the other is an error.", {{"1 / 0 == 1 || true", "true"}});
  d.Global("!_", "logical_not", {Bool()}, Bool(), NotValue, "The opposite.", {{"!true", "false"}});
  d.last().mismatch = Mismatch::kPlain;
  d.Global("@not_strictly_false", "not_strictly_false", {Bool()}, Bool(), NotStrictlyFalse,
           "Whether a loop goes on.");
  d.last().strictness = Strictness::kLazy;
  d.Global("_==_", "equals", {T(), T()}, Bool(), EqualValues, "Whether two values are equal.",
           {{"[1, 2] == [1, 2]", "true"}});
  d.Global("_!=_", "not_equals", {T(), T()}, Bool(), NotEqualValues, "Whether they are not.",
           {{"'a' != 'b'", "true"}});
}

void DeclareArithmetic(Declarations& d) {
  d.Global("_+_", "add_bytes", {Bytes(), Bytes()}, Bytes(), AddValues, "Both, one after the other.",
           {{"b'a' + b'b'", "b'ab'"}});
  d.Global("_+_", "add_double", {Double(), Double()}, Double(), AddValues, "The sum.");
  d.Global("_+_", "add_duration_duration", {Duration(), Duration()}, Duration(), AddValues,
           "The sum.");
  d.Global("_+_", "add_duration_timestamp", {Duration(), Time()}, Time(), AddValues,
           "A later instant.");
  d.Global("_+_", "add_timestamp_duration", {Time(), Duration()}, Time(), AddValues,
           "A later instant.");
  d.Global("_+_", "add_int64", {Int(), Int()}, Int(), AddValues, "The sum.",
           {{"9223372036854775807 + 1", "error: integer overflow"}});
  d.Global("_+_", "add_list", {ListOf(T()), ListOf(T())}, ListOf(T()), AddValues,
           "The elements of both.", {{"[1] + [2]", "[1, 2]"}});
  d.Global("_+_", "add_string", {String(), String()}, String(), AddValues,
           "Both, one after the other.", {{"'a' + 'b'", "'ab'"}});
  d.Global("_+_", "add_uint64", {Uint(), Uint()}, Uint(), AddValues, "The sum.");
  d.Global("_-_", "subtract_double", {Double(), Double()}, Double(), SubtractValues,
           "The difference.");
  d.Global("_-_", "subtract_duration_duration", {Duration(), Duration()}, Duration(),
           SubtractValues, "The difference.",
           {{"duration('1h') - duration('15m')", "duration('45m')"}});
  d.Global("_-_", "subtract_int64", {Int(), Int()}, Int(), SubtractValues, "The difference.");
  d.Global("_-_", "subtract_timestamp_duration", {Time(), Duration()}, Time(), SubtractValues,
           "An earlier instant.");
  d.Global("_-_", "subtract_timestamp_timestamp", {Time(), Time()}, Duration(), SubtractValues,
           "The time between.");
  d.Global("_-_", "subtract_uint64", {Uint(), Uint()}, Uint(), SubtractValues, "The difference.",
           {{"1u - 2u", "error: unsigned integer overflow"}});
  d.Global("_*_", "multiply_double", {Double(), Double()}, Double(), MultiplyValues,
           "The product.");
  d.Global("_*_", "multiply_int64", {Int(), Int()}, Int(), MultiplyValues, "The product.");
  d.Global("_*_", "multiply_uint64", {Uint(), Uint()}, Uint(), MultiplyValues, "The product.");
  d.Global("_/_", "divide_double", {Double(), Double()}, Double(), DivideValues, "The quotient.");
  d.Global("_/_", "divide_int64", {Int(), Int()}, Int(), DivideValues,
           "The quotient, truncated toward zero.", {{"-7 / 2", "-3"}});
  d.Global("_/_", "divide_uint64", {Uint(), Uint()}, Uint(), DivideValues, "The quotient.");
  d.Global("_%_", "modulo_int64", {Int(), Int()}, Int(), ModuloValues,
           "The remainder, with the sign of the dividend.", {{"-7 % 2", "-1"}});
  d.Global("_%_", "modulo_uint64", {Uint(), Uint()}, Uint(), ModuloValues, "The remainder.");
  d.Global("-_", "negate_double", {Double()}, Double(), NegateValue, "The negative.");
  d.Global("-_", "negate_int64", {Int()}, Int(), NegateValue, "The negative.");
}

void DeclareOrder(Declarations& d) {
  struct Relation {
    const char* function;
    const char* id;
    EvalFunction eval;
    const char* doc;
  };
  const Relation relations[] = {
      {"_<_", "less", LessValues, "Whether the left stands before the right."},
      {"_<=_", "less_equals", LessEqualsValues, "Whether the left stands not after the right."},
      {"_>_", "greater", GreaterValues, "Whether the left stands after the right."},
      {"_>=_", "greater_equals", GreaterEqualsValues,
       "Whether the left stands not before the right."},
  };
  const std::pair<const char*, Type> ordered[] = {
      {"bool", Bool()},     {"int64", Int()},   {"uint64", Uint()},    {"double", Double()},
      {"string", String()}, {"bytes", Bytes()}, {"timestamp", Time()}, {"duration", Duration()}};
  const std::pair<const char*, std::pair<Type, Type>> mixed[] = {
      {"int64_double", {Int(), Double()}},   {"int64_uint64", {Int(), Uint()}},
      {"uint64_double", {Uint(), Double()}}, {"uint64_int64", {Uint(), Int()}},
      {"double_int64", {Double(), Int()}},   {"double_uint64", {Double(), Uint()}}};
  for (const Relation& r : relations) {
    for (const auto& [name, type] : ordered) {
      d.Global(r.function, std::string(r.id) + "_" + name, {type, type}, Bool(), r.eval, r.doc);
    }
    for (const auto& [name, types] : mixed) {
      d.Global(r.function, std::string(r.id) + "_" + name, {types.first, types.second}, Bool(),
               r.eval, r.doc);
    }
  }
}

void DeclareContainers(Declarations& d) {
  d.Global("_[_]", "index_list", {ListOf(T()), Int()}, T(), IndexValues, "The element at an index.",
           {{"[1, 2][1]", "2"}, {"[1][5]", "error: index out of bounds: 5"}});
  d.Global("_[_]", "index_map", {MapOf(K(), V()), K()}, V(), IndexValues, "The value at a key.",
           {{"{'a': 1}['a']", "1"}, {"{'a': 1}['b']", "error: no such key: b"}});
  d.Global("_[_]", "optional_list_index_int", {OptionalOf(ListOf(V())), Int()}, OptionalOf(V()),
           IndexValues, "The element, if there are list and element.");
  d.Global("_[_]", "optional_map_index_value", {OptionalOf(MapOf(K(), V())), K()}, OptionalOf(V()),
           IndexValues, "The value, if there are map and value.");
  d.Global("_[?_]", "list_optindex_optional_int", {ListOf(V()), Int()}, OptionalOf(V()),
           OptionalIndexValues, "The element, if there is one.");
  d.Global("_[?_]", "optional_list_optindex_optional_int", {OptionalOf(ListOf(V())), Int()},
           OptionalOf(V()), OptionalIndexValues, "The element, if there are list and element.");
  d.Global("_[?_]", "map_optindex_optional_value", {MapOf(K(), V()), K()}, OptionalOf(V()),
           OptionalIndexValues, "The value, if there is one.");
  d.Global("_[?_]", "optional_map_optindex_optional_value", {OptionalOf(MapOf(K(), V())), K()},
           OptionalOf(V()), OptionalIndexValues, "The value, if there are map and value.");
  d.Global("_?._", "select_optional_field", {Dyn(), String()}, OptionalOf(V()), OptionalIndexValues,
           "The field, if there is one.");
  d.Global("@in", "in_list", {T(), ListOf(T())}, Bool(), InValues, "Whether an element is equal.",
           {{"2 in [1, 2]", "true"}});
  d.Global("@in", "in_map", {K(), MapOf(K(), V())}, Bool(), InValues, "Whether a key is there.",
           {{"'a' in {'a': 1}", "true"}});
  const std::pair<const char*, Type> sized[] = {
      {"string", String()}, {"bytes", Bytes()}, {"list", ListOf(T())}, {"map", MapOf(K(), V())}};
  for (const auto& [name, type] : sized) {
    d.Global("size", std::string("size_") + name, {type}, Int(), Size,
             "Code points of a string, bytes of bytes, elements of a list, entries of a map.",
             {{"size('h\u00e9llo')", "5"}});
    d.last().mismatch = Mismatch::kName;
    d.last().guard = Guard::kNone;
    d.Member("size", std::string(name) + "_size", {type}, Int(), Size, "The same as size(x).");
    d.last().mismatch = Mismatch::kName;
    d.last().guard = Guard::kNone;
  }
}

void DeclareConversions(Declarations& d) {
  d.Global("type", "type", {T()}, TypeOf(T()), TypeOfValue, "The type of a value.",
           {{"type(1) == type(2)", "true"}});
  d.Global("dyn", "to_dyn", {T()}, Dyn(), Identity, "The value, its type unknown to the checker.");
  auto convert = [&](std::string function, Type result, EvalFunction eval,
                     std::initializer_list<std::pair<const char*, Type>> sources, std::string doc,
                     std::vector<Example> examples) {
    for (const auto& [id, type] : sources) {
      d.Global(function, id, {type}, result, eval, doc, examples);
      examples.clear();
    }
  };
  convert("int", Int(), ToInt,
          {{"int64_to_int64", Int()},
           {"double_to_int64", Double()},
           {"duration_to_int64", Duration()},
           {"string_to_int64", String()},
           {"timestamp_to_int64", Time()},
           {"uint64_to_int64", Uint()}},
          "An int: doubles truncated, durations in nanoseconds, timestamps in seconds since 1970.",
          {{"int(-3.99)", "-3"},
           {"int('0x1F')", "error: type conversion error from 'string' to 'int'"}});
  convert("uint", Uint(), ToUint,
          {{"uint64_to_uint64", Uint()},
           {"double_to_uint64", Double()},
           {"int64_to_uint64", Int()},
           {"string_to_uint64", String()}},
          "A uint: doubles truncated.", {{"uint(3.7)", "3u"}});
  convert("double", Double(), ToDouble,
          {{"double_to_double", Double()},
           {"int64_to_double", Int()},
           {"string_to_double", String()},
           {"uint64_to_double", Uint()}},
          "A double.", {{"double('1e3')", "1000.0"}});
  convert("bool", Bool(), ToBool, {{"bool_to_bool", Bool()}, {"string_to_bool", String()}},
          "A bool: 1 t T TRUE true True and their opposites.", {{"bool('true')", "true"}});
  convert("bytes", Bytes(), ToBytes, {{"bytes_to_bytes", Bytes()}, {"string_to_bytes", String()}},
          "The UTF-8 of a string.", {{"bytes('a')", "b'a'"}});
  convert("string", String(), ToString,
          {{"string_to_string", String()},
           {"bool_to_string", Bool()},
           {"bytes_to_string", Bytes()},
           {"double_to_string", Double()},
           {"duration_to_string", Duration()},
           {"int64_to_string", Int()},
           {"timestamp_to_string", Time()},
           {"uint64_to_string", Uint()}},
          "The text of a value.", {{"string(1000000.0)", "'1e+06'"}});
  convert("duration", Duration(), ToDuration,
          {{"duration_to_duration", Duration()}, {"string_to_duration", String()}},
          "A duration: numbers with the units h m s ms us ns.",
          {{"duration('1h1h')", "duration('2h')"}});
  convert("timestamp", Time(), ToTimestamp,
          {{"timestamp_to_timestamp", Time()},
           {"int64_to_timestamp", Int()},
           {"string_to_timestamp", String()}},
          "An instant, from RFC 3339 text or seconds since 1970.",
          {{"timestamp(0)", "timestamp('1970-01-01T00:00:00Z')"}});
}

void DeclareStrings(Declarations& d) {
  d.Member("contains", "contains_string", {String(), String()}, Bool(), Contains,
           "Whether the argument is part of the text.", {{"'abc'.contains('b')", "true"}});
  d.last().mismatch = Mismatch::kPlain;
  d.Member("startsWith", "starts_with_string", {String(), String()}, Bool(), StartsWith,
           "Whether the text begins so.", {{"'abc'.startsWith('')", "true"}});
  d.last().mismatch = Mismatch::kPlain;
  d.Member("endsWith", "ends_with_string", {String(), String()}, Bool(), EndsWith,
           "Whether the text ends so.", {{"'abc'.endsWith('bc')", "true"}});
  d.last().mismatch = Mismatch::kPlain;
  Preparation compiled{PrepareMatches, MatchesPrepared};
  d.Global("matches", "matches", {String(), String()}, Bool(), Matches,
           "Whether the RE2 pattern matches somewhere.", {{"matches('abc', '^b')", "false"}});
  d.last().preparation = compiled;
  d.last().mismatch = Mismatch::kName;
  d.Member("matches", "matches_string", {String(), String()}, Bool(), Matches,
           "Whether the RE2 pattern matches somewhere.", {{"'abc'.matches('b+')", "true"}});
  d.last().preparation = compiled;
  d.last().mismatch = Mismatch::kName;
}

void DeclareTime(Declarations& d) {
  struct Accessor {
    const char* function;
    const char* id;
    EvalFunction eval;
    const char* doc;
  };
  const Accessor accessors[] = {
      {"getFullYear", "year", TimestampPart<Part::kFullYear>, "The year."},
      {"getMonth", "month", TimestampPart<Part::kMonth>, "The month, January is 0."},
      {"getDayOfYear", "day_of_year", TimestampPart<Part::kDayOfYear>,
       "The day of the year, from 0."},
      {"getDayOfMonth", "day_of_month", TimestampPart<Part::kDayOfMonth>,
       "The day of the month, from 0."},
      {"getDate", "day_of_month_1_based", TimestampPart<Part::kDate>,
       "The day of the month, from 1."},
      {"getDayOfWeek", "day_of_week", TimestampPart<Part::kDayOfWeek>,
       "The day of the week, Sunday is 0."},
      {"getHours", "hours", TimestampPart<Part::kHours>, "The hour of the day."},
      {"getMinutes", "minutes", TimestampPart<Part::kMinutes>, "The minute of the hour."},
      {"getSeconds", "seconds", TimestampPart<Part::kSeconds>, "The second of the minute."},
      {"getMilliseconds", "milliseconds", TimestampPart<Part::kMilliseconds>,
       "The millisecond of the second."},
  };
  for (const Accessor& a : accessors) {
    d.Member(a.function, std::string("timestamp_to_") + a.id, {Time()}, Int(), a.eval,
             std::string(a.doc) + " In UTC.");
    // Upstream's id of getSeconds leaves out a word.
    std::string_view zoned = a.id == std::string_view("seconds") ? "_tz" : "_with_tz";
    d.Member(a.function, fmt::format("timestamp_to_{}{}", a.id, zoned), {Time(), String()}, Int(),
             a.eval, std::string(a.doc) + " In a zone: a name or an offset, +05:30.");
  }
  d.Member("getHours", "duration_to_hours", {Duration()}, Int(), DurationIn<3600 * kNanosPerSecond>,
           "Whole hours.");
  d.Member("getMinutes", "duration_to_minutes", {Duration()}, Int(),
           DurationIn<60 * kNanosPerSecond>, "Whole minutes.",
           {{"duration('90m').getMinutes()", "90"}});
  d.Member("getSeconds", "duration_to_seconds", {Duration()}, Int(), DurationIn<kNanosPerSecond>,
           "Whole seconds.");
  d.Member("getMilliseconds", "duration_to_milliseconds", {Duration()}, Int(), DurationIn<1000000>,
           "Whole milliseconds.");
}

}  // namespace

const Library& StandardLibrary() {
  static const Library library = [] {
    Declarations d;
    DeclareLogic(d);
    DeclareArithmetic(d);
    DeclareOrder(d);
    DeclareContainers(d);
    DeclareConversions(d);
    DeclareStrings(d);
    DeclareTime(d);
    return Library{.name = "standard",
                   .version = 0,
                   .doc = "Operators, conversions, sizes, texts, timestamps and durations.",
                   .overloads = d.Take()};
  }();
  return library;
}

}  // namespace kro::cel
