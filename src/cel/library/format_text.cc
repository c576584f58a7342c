#include "cel/library/format_text.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/go_quote.h"
#include "base/utf8.h"
#include "cel/library/budget.h"
#include "cel/library/error_value.h"
#include "cel/library/go_text.h"

namespace kro::cel {
namespace {

constexpr int kMaxPrecision = 100;

// Appends what a clause makes of a value; an error value or nothing.
std::optional<Value> AppendClause(Context& context, std::string& out, FormatClause clause,
                                  const Value& value);
std::optional<Value> AppendString(Context& context, std::string& out, const Value& value,
                                  int depth);
std::string InBase(const Value& value, int base);
std::string Hex(const Value& value, bool upper);
double ToDouble(const Value& value);
Value FormatError(Context& context, char verb, const Value& value);

}  // namespace

std::string FormatReader::ReadLiteral() {
  std::string literal;
  while (!rest_.empty()) {
    std::size_t percent = std::min(rest_.find('%'), rest_.size());
    literal += rest_.substr(0, percent);
    rest_.remove_prefix(percent);
    if (!rest_.starts_with("%%")) break;
    literal += '%';
    rest_.remove_prefix(2);
  }
  return literal;
}

Result<FormatClause> FormatReader::ReadClause() {
  constexpr std::string_view kParsing = "could not parse formatting clause: ";
  constexpr std::string_view kPrecision = "error while parsing precision: ";
  rest_.remove_prefix(1);
  if (rest_.empty()) return Fail(ErrorCode::kInvalid, "unexpected end of string");

  FormatClause clause;
  if (rest_[0] == '.') {
    std::size_t end = rest_.find_first_not_of("0123456789", 1);
    if (end == rest_.npos) {
      return Fail(ErrorCode::kInvalid, "{}{}could not find end of precision specifier", kParsing,
                  kPrecision);
    }
    std::string_view digits = rest_.substr(1, end - 1);
    auto [last, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), clause.precision);
    if (error != std::errc()) {
      return Fail(ErrorCode::kInvalid,
                  "{}{}error while converting precision to integer: strconv.Atoi: parsing {}: {}",
                  kParsing, kPrecision, GoQuote(digits),
                  digits.empty() ? "invalid syntax" : "value out of range");
    }
    if (clause.precision > kMaxPrecision) {
      return Fail(ErrorCode::kInvalid, "{}{}precision {} exceeds maximum allowed precision {}",
                  kParsing, kPrecision, clause.precision, kMaxPrecision);
    }
    rest_.remove_prefix(end);
  }
  clause.verb = rest_[0];
  if (std::string_view("sdfeboxX").find(clause.verb) == std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "{}unrecognized formatting clause \"{}\"", kParsing,
                rest_.substr(0, DecodeCodePoint(rest_, 0).size));
  }
  rest_.remove_prefix(1);
  return clause;
}

std::string FormatMismatch(char verb, std::string_view type) {
  std::string_view rule;
  switch (verb) {
    case 's':
      rule =
          "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, "
          "types, durations, and timestamps";
      break;
    case 'd':
      rule = "decimal clause can only be used on ints, uints, and doubles";
      break;
    case 'f':
      rule = "fixed-point clause can only be used on ints, uints, and doubles";
      break;
    case 'e':
      rule = "scientific clause can only be used on ints, uints, and doubles";
      break;
    case 'b':
      rule = "only ints, uints, and bools can be formatted as binary";
      break;
    case 'o':
      rule = "octal clause can only be used on ints and uints";
      break;
    default:
      rule = "only ints, uints, bytes, and strings can be formatted as hex";
  }
  return fmt::format("error during formatting: {}, was given {}", rule, type);
}

bool FormatAccepts(char verb, std::string_view type) {
  auto is = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), type) != names.end();
  };
  switch (verb) {
    case 's':
      return is({"string", "bool", "bytes", "int", "uint", "double", "map", "list", "type",
                 "null_type", "google.protobuf.Duration", "google.protobuf.Timestamp"});
    case 'd':
    case 'f':
    case 'e':
      return is({"int", "uint", "double"});
    case 'b':
      return is({"int", "uint", "bool"});
    case 'o':
      return is({"int", "uint"});
    default:
      return is({"int", "uint", "bytes", "string"});
  }
}

Value FormatText(Context& context, std::string_view format, const Value& arguments) {
  std::string out;
  FormatReader reader(format);
  for (std::size_t index = 0;; ++index) {
    out += reader.ReadLiteral();
    if (!reader.at_clause()) break;
    if (index >= arguments.ListSize()) return Fail(context, "index {} out of range", index);
    auto clause = reader.ReadClause();
    if (!clause) return MakeError(context, clause.error());
    Value argument = arguments.ListAt(context, index);
    if (argument.IsError()) return argument;
    if (auto error = AppendClause(context, out, *clause, argument)) return *error;
    if (out.size() > kMaxTextSize) return Value::Error(kBudgetExceeded);
  }
  return NewString(context, out);
}

namespace {

std::optional<Value> AppendClause(Context& context, std::string& out, FormatClause clause,
                                  const Value& value) {
  if (!FormatAccepts(clause.verb, TypeName(value))) return FormatError(context, clause.verb, value);
  switch (clause.verb) {
    case 's':
      return AppendString(context, out, value, 0);
    case 'd':
      out += value.Is(Kind::kDouble) ? PlainDouble(value.AsDouble()) : InBase(value, 10);
      break;
    case 'f':
      out += FixedDouble(ToDouble(value), clause.precision);
      break;
    case 'e':
      out += ScientificDouble(ToDouble(value), clause.precision);
      break;
    case 'b':
      out += value.Is(Kind::kBool) ? (value.AsBool() ? "1" : "0") : InBase(value, 2);
      break;
    case 'o':
      out += InBase(value, 8);
      break;
    default:
      out += Hex(value, clause.verb == 'X');
  }
  return std::nullopt;
}

std::optional<Value> AppendString(Context& context, std::string& out, const Value& value,
                                  int depth) {
  if (depth > kMaxValueDepth) return Value::Error(kTooDeep);
  if (!context.Charge(1) || out.size() > kMaxTextSize) return Value::Error(kBudgetExceeded);
  switch (value.kind()) {
    case Kind::kNull:
      out += "null";
      return std::nullopt;
    case Kind::kBool:
      out += value.AsBool() ? "true" : "false";
      return std::nullopt;
    case Kind::kInt:
    case Kind::kUint:
      out += InBase(value, 10);
      return std::nullopt;
    case Kind::kDouble:
      out += PlainDouble(value.AsDouble());
      return std::nullopt;
    case Kind::kString:
      out += value.AsString();
      return std::nullopt;
    case Kind::kBytes:
      out += ToValidUtf8(value.AsBytes());
      return std::nullopt;
    case Kind::kType:
      out += value.AsType();
      return std::nullopt;
    case Kind::kDuration:
      out += FormatDuration(value.AsDuration());
      return std::nullopt;
    case Kind::kTimestamp: {
      Timestamp utc = value.AsTimestamp();
      utc.offset_minutes = 0;
      out += FormatTimestamp(utc);
      return std::nullopt;
    }
    case Kind::kList:
      out += '[';
      for (std::size_t i = 0; i < value.ListSize(); ++i) {
        if (i > 0) out += ", ";
        Value element = value.ListAt(context, i);
        if (auto error = AppendString(context, out, element, depth + 1)) return error;
      }
      out += ']';
      return std::nullopt;
    case Kind::kMap: {
      std::vector<std::pair<std::string, std::string>> entries;
      for (MapIterator it(context, value); it.Next();) {
        auto& [key, text] = entries.emplace_back();
        if (auto error = AppendString(context, key, it.key(), depth + 1)) return error;
        if (auto error = AppendString(context, text, it.value(), depth + 1)) return error;
      }
      std::sort(entries.begin(), entries.end());
      out += '{';
      for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i > 0) out += ", ";
        out += entries[i].first + ": " + entries[i].second;
      }
      out += '}';
      return std::nullopt;
    }
    case Kind::kError:
      return value;
    case Kind::kOptional:
    case Kind::kOpaque:
      return FormatError(context, 's', value);
  }
  return std::nullopt;
}

std::string InBase(const Value& value, int base) {
  return value.Is(Kind::kUint) ? UintInBase(value.AsUint(), base) : IntInBase(value.AsInt(), base);
}

std::string Hex(const Value& value, bool upper) {
  std::string out;
  if (value.Is(Kind::kString) || value.Is(Kind::kBytes)) {
    std::string_view bytes = value.Is(Kind::kString) ? value.AsString() : value.AsBytes();
    out.reserve(2 * bytes.size());
    for (char c : bytes) {
      out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
      out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    }
  } else {
    out = InBase(value, 16);
  }
  if (upper) {
    for (char& c : out) {
      if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
    }
  }
  return out;
}

double ToDouble(const Value& value) {
  if (value.Is(Kind::kInt)) return static_cast<double>(value.AsInt());
  if (value.Is(Kind::kUint)) return static_cast<double>(value.AsUint());
  return value.AsDouble();
}

Value FormatError(Context& context, char verb, const Value& value) {
  return Fail(context, "{}", FormatMismatch(verb, TypeName(value)));
}

}  // namespace
}  // namespace kro::cel
