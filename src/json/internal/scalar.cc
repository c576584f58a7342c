#include "json/internal/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

namespace kro::json {
namespace {

enum class Word { kNone, kTrue, kFalse, kNull, kNoJson };

Word LookUp(std::string_view text);
std::optional<Value> Integer(std::string_view text);
std::optional<Value> Float(std::string_view text);
bool IsFloat(std::string_view text);
bool IsTimestamp(std::string_view text);
bool IsBase60(std::string_view text);
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
Value Text(std::string_view text) {
  return Value(boost::json::string_view(text.data(), text.size()));
}

}  // namespace

std::optional<Value> ResolvePlain(std::string_view text) {
  switch (LookUp(text)) {
    case Word::kTrue:
      return Value(true);
    case Word::kFalse:
      return Value(false);
    case Word::kNull:
      return Value(nullptr);
    case Word::kNoJson:
      return std::nullopt;
    case Word::kNone:
      break;
  }
  if (text.front() == '.') return Float(text).value_or(Text(text));
  if (text.front() != '+' && text.front() != '-' && !IsDigit(text.front())) return Text(text);
  std::string plain(text);
  std::erase(plain, '_');
  if (auto integer = Integer(plain)) return integer;
  return Float(plain).value_or(Text(text));
}

bool NeedsQuotes(std::string_view text) {
  if (LookUp(text) != Word::kNone || text == "<<" || text == "=") return true;
  return IsTimestamp(text) || IsBase60(text) || !ResolvePlain(text)->is_string();
}

namespace {

Word LookUp(std::string_view text) {
  static constexpr struct {
    std::string_view text;
    Word word;
  } kWords[] = {
      {"", Word::kNull},       {"~", Word::kNull},      {"null", Word::kNull},
      {"Null", Word::kNull},   {"NULL", Word::kNull},   {"y", Word::kTrue},
      {"Y", Word::kTrue},      {"yes", Word::kTrue},    {"Yes", Word::kTrue},
      {"YES", Word::kTrue},    {"true", Word::kTrue},   {"True", Word::kTrue},
      {"TRUE", Word::kTrue},   {"on", Word::kTrue},     {"On", Word::kTrue},
      {"ON", Word::kTrue},     {"n", Word::kFalse},     {"N", Word::kFalse},
      {"no", Word::kFalse},    {"No", Word::kFalse},    {"NO", Word::kFalse},
      {"false", Word::kFalse}, {"False", Word::kFalse}, {"FALSE", Word::kFalse},
      {"off", Word::kFalse},   {"Off", Word::kFalse},   {"OFF", Word::kFalse},
      {".nan", Word::kNoJson}, {".NaN", Word::kNoJson}, {".NAN", Word::kNoJson},
  };
  if (text.size() > 5) return Word::kNone;
  for (const auto& entry : kWords) {
    if (entry.text == text) return entry.word;
  }
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return text == ".inf" || text == ".Inf" || text == ".INF" ? Word::kNoJson : Word::kNone;
}

// As Go's strconv.ParseInt with base 0: a sign, then 0x, 0o, 0b or 0 before the digits.
std::optional<Value> Integer(std::string_view text) {
  const bool negative = text.front() == '-';
  const bool has_sign = negative || text.front() == '+';
  if (has_sign) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  std::uint64_t size = 0;
  const char* end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, size, base);
  if (text.empty() || ec != std::errc() || stop != end) return std::nullopt;
  constexpr auto kHalf = std::uint64_t{1} << 63;
  if (negative) {
    if (size > kHalf) return std::nullopt;
    return Value(static_cast<std::int64_t>(~size + 1));
  }
  if (size < kHalf) return Value(static_cast<std::int64_t>(size));
  if (has_sign) return std::nullopt;
  return Value(size);
}

std::optional<Value> Float(std::string_view text) {
  if (!IsFloat(text)) return std::nullopt;
  if (text.front() == '+') text.remove_prefix(1);
  double number = 0;
  const auto ec = std::from_chars(text.data(), text.data() + text.size(), number).ec;
  if (ec != std::errc() || !std::isfinite(number)) {
    // Too small counts as 0, too large is no number.
    const bool small = text.find("e-") != text.npos || text.find("E-") != text.npos;
    if (!small) return std::nullopt;
    number = 0;
  }
  auto printed = Parse(Serialize(number));
  if (printed && printed->is_int64()) return *std::move(printed);
  return Value(number);
}

// ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$
bool IsFloat(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at - first;
  };
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  const bool whole = digits() > 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0 && !whole) return false;
  } else if (!whole) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

// 2001-12-14, alone or with a time after T, t or a space.
bool IsTimestamp(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&](std::size_t least, std::size_t most) {
    const std::size_t first = at;
    while (at < text.size() && at - first < most && IsDigit(text[at])) ++at;
    return at - first >= least;
  };
  const auto is = [&](std::string_view set) {
    return at < text.size() && set.find(text[at]) != set.npos && ++at > 0;
  };
  if (!digits(4, 4) || !is("-") || !digits(1, 2) || !is("-") || !digits(1, 2)) return false;
  return at == text.size() || (is("Tt ") && digits(1, 2) && is(":"));
}

// 190:20:30, a number in YAML 1.1.
bool IsBase60(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && IsDigit(text.front()) && text.find(':') != text.npos &&
         text.find_first_not_of("0123456789_:.") == text.npos;
}

}  // namespace
}  // namespace kro::json
