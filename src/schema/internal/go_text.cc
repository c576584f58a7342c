#include "schema/internal/go_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/go_quote.h"

namespace kro::schema {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
std::string Lower(std::string_view text);
bool UnderscoresSeparateDigits(std::string_view text);

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
  // What does not even fit without a sign is out of range, whatever stands behind it.
  std::uint64_t magnitude = 0;
  const char* first = digits.data() + (digits.starts_with('-') ? 1 : 0);
  const bool too_large = std::from_chars(first, digits.data() + digits.size(), magnitude).ec ==
                         std::errc::result_out_of_range;
  if (error == std::errc::invalid_argument || signed_twice ||
      (end != digits.data() + digits.size() && !too_large)) {
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
  if (digits == "inf" || digits == "infinity")
    return sign * std::numeric_limits<double>::infinity();
  const bool has_sign = digits.size() != text.size();
  if (digits == "nan" && !has_sign) return std::numeric_limits<double>::quiet_NaN();
  if (!UnderscoresSeparateDigits(digits)) return invalid();
  std::erase(digits, '_');
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

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Each has a digit on both sides; the prefix of a hexadecimal number counts as one.
bool UnderscoresSeparateDigits(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  const auto is_digit = [&](char c) {
    return IsDigit(c) || (hexadecimal && ((c >= 'a' && c <= 'f') || c == 'x'));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') continue;
    if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1]))
      return false;
  }
  return true;
}

}  // namespace
}  // namespace kro::schema
