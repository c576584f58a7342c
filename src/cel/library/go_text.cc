#include "cel/library/go_text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/utf8.h"

namespace kro::cel {
namespace {

std::string NonFinite(double value);

}  // namespace

std::string PlainDouble(double value) {
  if (!std::isfinite(value)) return NonFinite(value);
  // The shortest digits with the point moved to its place, the gaps filled with zeros.
  std::array<char, 64> buffer;
  auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  std::string out;
  if (text.starts_with('-')) {
    out = "-";
    text.remove_prefix(1);
  }
  std::size_t mark = text.find('e');
  bool small = text[mark + 1] == '-';
  std::string_view power = text.substr(mark + 2);
  std::size_t exponent = 0;
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  std::string digits(1, text[0]);
  if (mark > 2) digits += text.substr(2, mark - 2);
  if (small) {
    out += "0." + std::string(exponent - 1, '0') + digits;
  } else if (digits.size() <= exponent + 1) {
    out += digits + std::string(exponent + 1 - digits.size(), '0');
  } else {
    out += digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
  }
  return out;
}

std::string FixedDouble(double value, int digits) {
  if (!std::isfinite(value)) return NonFinite(value);
  std::string buffer(320 + static_cast<std::size_t>(digits), '\0');
  auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::fixed, digits);
  buffer.resize(static_cast<std::size_t>(end - buffer.data()));
  return buffer;
}

std::string ScientificDouble(double value, int digits) {
  if (!std::isfinite(value)) return NonFinite(value);
  std::string buffer(32 + static_cast<std::size_t>(digits), '\0');
  auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::scientific, digits);
  buffer.resize(static_cast<std::size_t>(end - buffer.data()));
  return buffer;
}

std::string JsonDouble(double value) {
  double magnitude = std::fabs(value);
  if (magnitude == 0 || (magnitude >= 1e-6 && magnitude < 1e21)) return PlainDouble(value);
  std::array<char, 64> buffer;
  auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::scientific);
  std::string text(buffer.data(), end);
  // A negative exponent of one digit loses its zero: 1e-07 is written 1e-7.
  std::size_t exponent = text.find("e-0");
  if (exponent != std::string::npos) text.erase(exponent + 2, 1);
  return text;
}

std::string JsonQuote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    CodePoint point = DecodeCodePoint(text, i);
    char32_t c = point.value;
    if (!point.valid) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\b') {
      out += "\\b";
    } else if (c == '\f') {
      out += "\\f";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x2028 || c == 0x2029) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.append(text.substr(i, point.size));
    }
    i += point.size;
  }
  out += '"';
  return out;
}

std::string UintInBase(std::uint64_t value, int base) {
  std::array<char, 72> buffer;
  auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base);
  return std::string(buffer.data(), end);
}

std::string IntInBase(std::int64_t value, int base) {
  std::array<char, 72> buffer;
  auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base);
  return std::string(buffer.data(), end);
}

std::string GoDuration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  std::uint64_t rest = nanoseconds < 0 ? -static_cast<std::uint64_t>(nanoseconds)
                                       : static_cast<std::uint64_t>(nanoseconds);
  std::string out = nanoseconds < 0 ? "-" : "";
  // `value` divided by 10^digits, without trailing zeros.
  auto append = [&](std::uint64_t value, int digits, std::string_view unit) {
    std::string fraction;
    for (; digits > 0; --digits, value /= 10) {
      if (value % 10 != 0 || !fraction.empty()) {
        fraction.insert(fraction.begin(), static_cast<char>('0' + value % 10));
      }
    }
    out += std::to_string(value);
    if (!fraction.empty()) out += "." + fraction;
    out += unit;
  };
  if (rest < 1'000) {
    append(rest, 0, "ns");
  } else if (rest < 1'000'000) {
    append(rest, 3, "µs");
  } else if (rest < 1'000'000'000) {
    append(rest, 6, "ms");
  } else {
    constexpr std::uint64_t kMinute = 60'000'000'000;
    std::uint64_t minutes = rest / kMinute;
    if (minutes >= 60) append(minutes / 60, 0, "h");
    if (minutes > 0) append(minutes % 60, 0, "m");
    append(rest % kMinute, 9, "s");
  }
  return out;
}

double Pow10(int exponent) {
  constexpr std::array<double, 32> kSmall = {1e00, 1e01, 1e02, 1e03, 1e04, 1e05, 1e06, 1e07,
                                             1e08, 1e09, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                             1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23,
                                             1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31};
  constexpr std::array<double, 10> kLarge = {1e00,  1e32,  1e64,  1e96,  1e128,
                                             1e160, 1e192, 1e224, 1e256, 1e288};
  constexpr std::array<double, 11> kTiny = {1e-00,  1e-32,  1e-64,  1e-96,  1e-128, 1e-160,
                                            1e-192, 1e-224, 1e-256, 1e-288, 1e-320};
  if (exponent > 308) return std::numeric_limits<double>::infinity();
  if (exponent < -323) return 0;
  auto index = static_cast<std::size_t>(std::abs(exponent));
  if (exponent >= 0) return kLarge[index / 32] * kSmall[index % 32];
  return kTiny[index / 32] / kSmall[index % 32];
}

namespace {

std::string NonFinite(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

}  // namespace
}  // namespace kro::cel
