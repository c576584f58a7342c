#include "schema/internal/go_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

namespace kro::schema {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
std::string Lower(std::string_view text);
bool IsUnprintable(std::uint32_t code);

}  // namespace

Result<bool> ParseGoBool(std::string_view text) {
  for (const auto* yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const auto* no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return Fail(ErrorCode::kInvalid, "strconv.ParseBool: parsing {}: invalid syntax", GoQuote(text));
}

Result<std::int64_t> ParseGoInt(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const bool signed_twice = digits.size() != text.size() && digits.starts_with('-');
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::invalid_argument || signed_twice ||
      end != digits.data() + digits.size()) {
    return Fail(ErrorCode::kInvalid, "strconv.ParseInt: parsing {}: invalid syntax", GoQuote(text));
  }
  if (error == std::errc::result_out_of_range) {
    return Fail(ErrorCode::kInvalid, "strconv.ParseInt: parsing {}: value out of range",
                GoQuote(text));
  }
  return value;
}

Result<double> ParseGoFloat(std::string_view text) {
  const auto invalid = [&] {
    return Fail(ErrorCode::kInvalid, "strconv.ParseFloat: parsing {}: invalid syntax",
                GoQuote(text));
  };
  std::string digits = Lower(text);
  bool negative = false;
  if (digits.starts_with('+') || digits.starts_with('-')) {
    negative = digits.front() == '-';
    digits.erase(0, 1);
  }
  const double sign = negative ? -1.0 : 1.0;
  if (digits == "inf" || digits == "infinity") return sign * std::numeric_limits<double>::infinity();
  if (digits == "nan") return std::numeric_limits<double>::quiet_NaN();
  for (std::size_t at = digits.find('_'); at != std::string::npos; at = digits.find('_')) {
    if (at == 0 || at + 1 == digits.size()) return invalid();
    digits.erase(at, 1);
  }
  const bool hexadecimal = digits.starts_with("0x");
  if (hexadecimal) {
    digits.erase(0, 2);
    if (digits.find('p') == std::string::npos) return invalid();
  }
  if (digits.empty() || !(IsDigit(digits.front()) || digits.front() == '.' || hexadecimal)) {
    return invalid();
  }
  double value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value,
                      hexadecimal ? std::chars_format::hex : std::chars_format::general);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return invalid();
  }
  if (error == std::errc::result_out_of_range) {
    // Too small is zero, too large is not.
    if (std::strtod(((hexadecimal ? "0x" : "") + digits).c_str(), nullptr) > 1.0) {
      return Fail(ErrorCode::kInvalid, "strconv.ParseFloat: parsing {}: value out of range",
                  GoQuote(text));
    }
    value = 0;
  }
  return sign * value;
}

std::string GoQuote(std::string_view text) {
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (length == 1) {
      switch (text[i]) {
        case '"':
          quoted += "\\\"";
          break;
        case '\\':
          quoted += "\\\\";
          break;
        case '\n':
          quoted += "\\n";
          break;
        case '\t':
          quoted += "\\t";
          break;
        case '\r':
          quoted += "\\r";
          break;
        default:
          quoted += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte)
                                                : std::string(1, text[i]);
      }
    } else {
      std::uint32_t code = byte & (0x3f >> (length - 1));
      for (std::size_t k = 1; k < length && i + k < text.size(); ++k) {
        code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
      }
      quoted += IsUnprintable(code) ? fmt::format("\\u{:04x}", code)
                                    : std::string(text.substr(i, length));
    }
    i += length;
  }
  return quoted + "\"";
}

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsUnprintable(std::uint32_t code) {
  return code <= 0xa0 || code == 0xad || code == 0x1680 || (code >= 0x2000 && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x206f) ||
         code == 0x3000 || code == 0xfeff;
}

}  // namespace
}  // namespace kro::schema
