// Values as text: what string() gives, what messages show, and durations read back.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "cel/civil.h"
#include "cel/value.h"

namespace kro::cel {

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return "null_type";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kUint:
      return "uint";
    case Kind::kDouble:
      return "double";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTimestamp:
      return "google.protobuf.Timestamp";
    case Kind::kDuration:
      return "google.protobuf.Duration";
    case Kind::kList:
      return "list";
    case Kind::kMap:
      return "map";
    case Kind::kType:
      return "type";
    case Kind::kOptional:
      return "optional_type";
    case Kind::kOpaque:
      return value.AsOpaque()->type->name;
    case Kind::kError:
      return "error";
  }
  return "";
}

std::size_t CodePoints(std::string_view utf8) { return CountCodePoints(utf8); }

std::string FormatDouble(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d < 0 ? "-Inf" : "+Inf";
  std::array<char, 40> text;
  auto scientific =
      std::to_chars(text.data(), text.data() + text.size(), d, std::chars_format::scientific);
  std::string_view shortest(text.data(), static_cast<std::size_t>(scientific.ptr - text.data()));
  int exponent = 0;
  std::string_view digits = shortest.substr(shortest.find('e') + 1);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  // to_chars writes an exponent of at least two digits, as Go does. Go's %g turns to it from 1e+21
  // in general, but from 1e+06 where the digits are the shortest: spec 3.7.
  if (d != 0 && (exponent < -4 || exponent >= std::max(6, 0))) {
    return std::string(shortest);
  }
  auto fixed = std::to_chars(text.data(), text.data() + text.size(), d, std::chars_format::fixed);
  return {text.data(), fixed.ptr};
}

std::string FormatTimestamp(const Timestamp& t) {
  CivilTime civil = ToCivil(t.seconds + t.offset_minutes * 60);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", civil.year, civil.month,
                                 civil.day, civil.hour, civil.minute, civil.second);
  if (t.nanos) {
    std::string fraction = fmt::format(".{:09}", t.nanos);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += fraction;
  }
  if (t.offset_minutes == 0) return text + "Z";
  int minutes = std::abs(static_cast<int>(t.offset_minutes));
  return text +
         fmt::format("{}{:02}:{:02}", t.offset_minutes < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string FormatDuration(std::int64_t nanoseconds) {
  std::uint64_t magnitude = nanoseconds < 0 ? 0 - static_cast<std::uint64_t>(nanoseconds)
                                            : static_cast<std::uint64_t>(nanoseconds);
  std::string text = fmt::format("{}{}", nanoseconds < 0 ? "-" : "", magnitude / 1000000000);
  if (std::uint64_t rest = magnitude % 1000000000) {
    std::string fraction = fmt::format(".{:09}", rest);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += fraction;
  }
  return text + "s";
}

std::string Display(Context& context, const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return value.AsBool() ? "true" : "false";
    case Kind::kInt:
      return fmt::format("{}", value.AsInt());
    case Kind::kUint:
      return fmt::format("{}", value.AsUint());
    case Kind::kDouble:
      return FormatDouble(value.AsDouble());
    case Kind::kString:
    case Kind::kBytes:
      return std::string(value.AsString());
    case Kind::kTimestamp:
      return FormatTimestamp(value.AsTimestamp());
    case Kind::kDuration:
      return FormatDuration(value.AsDuration());
    case Kind::kType:
      return std::string(value.AsType());
    case Kind::kError:
      return std::string(value.AsError());
    case Kind::kOptional:
      return value.HasContent() ? "optional(" + Display(context, value.Content()) + ")"
                                : "optional.none()";
    default:
      return std::string(TypeName(value));
  }
}

// Unsigned decimal digits with one optional point, then a unit; several add up (spec 3.9).
std::optional<std::int64_t> ParseDuration(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;

  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> kUnits = {{
      {"ns", 1},
      {"us", 1000},
      {"\xc2\xb5s", 1000},  // µ, micro sign
      {"\xce\xbcs", 1000},  // μ, Greek letter
      {"ms", 1000000},
      {"s", 1000000000},
      {"m", 60000000000},
      {"h", 3600000000000},
  }};
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  std::uint64_t total = 0;
  while (!text.empty()) {
    std::uint64_t whole = 0, fraction = 0;
    double scale = 1;
    std::size_t i = 0, digits = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, ++digits) {
      if (whole > kLimit / 10) return std::nullopt;
      whole = whole * 10 + static_cast<std::uint64_t>(text[i] - '0');
      if (whole > kLimit) return std::nullopt;
    }
    if (i < text.size() && text[i] == '.') {
      bool full = false;
      for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, ++digits) {
        if (full) continue;
        if (fraction > (kLimit - 1) / 10) {
          full = true;
          continue;
        }
        fraction = fraction * 10 + static_cast<std::uint64_t>(text[i] - '0');
        scale *= 10;
      }
    }
    if (digits == 0) return std::nullopt;
    std::string_view rest = text.substr(i);
    std::size_t unit_size = 0;
    while (unit_size < rest.size() && rest[unit_size] != '.' &&
           !(rest[unit_size] >= '0' && rest[unit_size] <= '9')) {
      ++unit_size;
    }
    auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                             [&](const auto& u) { return u.first == rest.substr(0, unit_size); });
    if (unit == kUnits.end()) return std::nullopt;
    if (whole > kLimit / unit->second) return std::nullopt;
    std::uint64_t part = whole * unit->second;
    if (fraction > 0) {
      part += static_cast<std::uint64_t>(static_cast<double>(fraction) *
                                         (static_cast<double>(unit->second) / scale));
    }
    if (part > kLimit || total + part > kLimit) return std::nullopt;
    total += part;
    text = rest.substr(unit_size);
  }
  if (negative) return static_cast<std::int64_t>(0 - total);
  if (total >= kLimit) return std::nullopt;
  return static_cast<std::int64_t>(total);
}

}  // namespace kro::cel
