#include "cel/library/json_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include "base/go_quote.h"
#include "base/utf8.h"
#include "cel/library/go_text.h"

namespace kro::cel {
namespace {

class Reader {
 public:
  Reader(Context& context, std::string_view text) : context_(context), text_(text) {}

  Result<Value> ReadAll();

 private:
  Result<Value> ReadValue(int depth);
  Result<Value> ReadArray(int depth);
  Result<Value> ReadObject(int depth);
  Result<Value> ReadString();
  Result<Value> ReadNumber();
  Result<Value> ReadWord(std::string_view word, Value value);
  Result<char32_t> ReadEscapedUnit();

  void SkipSpace() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }
  bool AtEnd() const { return at_ >= text_.size(); }
  // What is wrong at the current place: the end of the text, or its character.
  std::unexpected<Error> Wrong(std::string_view where) const;

  Context& context_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string> range_error_;
};

}  // namespace

Result<Value> ReadJsonText(Context& context, std::string_view text) {
  return Reader(context, text).ReadAll();
}

Result<void> AppendJson(std::string& out, const json::Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      out += "null";
      return {};
    case boost::json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return {};
    case boost::json::kind::int64:
      out += std::to_string(value.get_int64());
      return {};
    case boost::json::kind::uint64:
      out += std::to_string(value.get_uint64());
      return {};
    case boost::json::kind::double_:
      if (!std::isfinite(value.get_double())) {
        return Fail(ErrorCode::kInvalid, "{}", UnsupportedNumber(value.get_double()));
      }
      out += JsonDouble(value.get_double());
      return {};
    case boost::json::kind::string:
      out += JsonQuote(value.get_string());
      return {};
    case boost::json::kind::array: {
      out += '[';
      bool first = true;
      for (const json::Value& element : value.get_array()) {
        if (!first) out += ',';
        first = false;
        if (auto appended = AppendJson(out, element); !appended) return appended;
      }
      out += ']';
      return {};
    }
    case boost::json::kind::object:
      return AppendJson(out, value.get_object());
  }
  return {};
}

Result<void> AppendJson(std::string& out, const json::Object& object) {
  std::vector<const boost::json::key_value_pair*> members;
  for (const auto& member : object) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](auto* a, auto* b) { return a->key() < b->key(); });
  out += '{';
  bool first = true;
  for (const auto* member : members) {
    if (!first) out += ',';
    first = false;
    out += JsonQuote(member->key()) + ":";
    if (auto appended = AppendJson(out, member->value()); !appended) return appended;
  }
  out += '}';
  return {};
}

void AppendMembers(std::string& out, const std::map<std::string, std::string>& members) {
  out += '{';
  bool first = true;
  for (const auto& [key, text] : members) {
    if (!first) out += ',';
    first = false;
    out += JsonQuote(key) + ":" + text;
  }
  out += '}';
}

std::string UnsupportedNumber(double value) {
  std::string_view name = std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  return fmt::format("json: unsupported value: {}", name);
}

namespace {

Result<Value> Reader::ReadAll() {
  auto value = ReadValue(0);
  if (!value) return value;
  SkipSpace();
  if (!AtEnd()) return Wrong("after top-level value");
  // Numbers out of range are noticed only in a text without mistakes.
  if (range_error_) return Fail(ErrorCode::kInvalid, "{}", *range_error_);
  return value;
}

Result<Value> Reader::ReadValue(int depth) {
  if (depth > json::kMaxDepth) return Fail(ErrorCode::kInvalid, "exceeded max depth");
  if (!context_.Charge(1)) return Fail(ErrorCode::kExhausted, "{}", kBudgetExceeded);
  SkipSpace();
  if (AtEnd()) return Wrong("");
  switch (char c = text_[at_]) {
    case '{':
      return ReadObject(depth);
    case '[':
      return ReadArray(depth);
    case '"':
      return ReadString();
    case 't':
      return ReadWord("true", Value::Bool(true));
    case 'f':
      return ReadWord("false", Value::Bool(false));
    case 'n':
      return ReadWord("null", Value::Null());
    default:
      if (c == '-' || (c >= '0' && c <= '9')) return ReadNumber();
      return Wrong("looking for beginning of value");
  }
}

Result<Value> Reader::ReadArray(int depth) {
  ListBuilder list(context_);
  ++at_;
  SkipSpace();
  if (!AtEnd() && text_[at_] == ']') {
    ++at_;
    return list.Build();
  }
  for (;;) {
    auto element = ReadValue(depth + 1);
    if (!element) return element;
    list.Add(*element);
    SkipSpace();
    if (AtEnd() || (text_[at_] != ',' && text_[at_] != ']')) return Wrong("after array element");
    if (text_[at_++] == ']') return list.Build();
  }
}

Result<Value> Reader::ReadObject(int depth) {
  MapBuilder map(context_);
  ++at_;
  SkipSpace();
  if (!AtEnd() && text_[at_] == '}') {
    ++at_;
    return map.Build();
  }
  for (;;) {
    SkipSpace();
    if (AtEnd() || text_[at_] != '"') return Wrong("looking for beginning of object key string");
    auto key = ReadString();
    if (!key) return key;
    SkipSpace();
    if (AtEnd() || text_[at_] != ':') return Wrong("after object key");
    ++at_;
    auto value = ReadValue(depth + 1);
    if (!value) return value;
    map.Put(*key, *value);
    SkipSpace();
    if (AtEnd() || (text_[at_] != ',' && text_[at_] != '}')) {
      return Wrong("after object key:value pair");
    }
    if (text_[at_++] == '}') return map.Build();
  }
}

Result<Value> Reader::ReadString() {
  std::string out;
  ++at_;
  for (;;) {
    if (AtEnd()) return Wrong("");
    char c = text_[at_];
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) return Wrong("in string literal");
    if (c != '\\') {
      CodePoint point = DecodeCodePoint(text_, at_);
      AppendCodePoint(out, point.value);
      at_ += point.size;
      continue;
    }
    ++at_;
    if (AtEnd()) return Wrong("");
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (std::size_t known = kEscapes.find(text_[at_]); known != kEscapes.npos) {
      out += kMeanings[known];
      ++at_;
      continue;
    }
    if (text_[at_] != 'u') return Wrong("in string escape code");
    auto unit = ReadEscapedUnit();
    if (!unit) return std::unexpected(unit.error());
    bool high = *unit >= 0xD800 && *unit < 0xDC00;
    std::size_t after = at_;
    if (high && text_.substr(at_).starts_with("\\u")) {
      ++at_;
      auto low = ReadEscapedUnit();
      if (!low) return std::unexpected(low.error());
      if (*low >= 0xDC00 && *low < 0xE000) {
        AppendCodePoint(out, 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00));
        continue;
      }
      at_ = after;
    }
    AppendCodePoint(out, *unit);
  }
  ++at_;
  return MakeString(context_, out);
}

// Reads "uXXXX"; the place is at the u.
Result<char32_t> Reader::ReadEscapedUnit() {
  ++at_;
  char32_t unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    if (AtEnd()) return Wrong("");
    char c = text_[at_];
    char32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<char32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<char32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<char32_t>(c - 'A' + 10);
    } else {
      return Wrong("in \\u hexadecimal character escape");
    }
    unit = unit << 4 | digit;
  }
  return unit;
}

Result<Value> Reader::ReadNumber() {
  std::size_t begin = at_;
  auto is_digit = [&] { return !AtEnd() && text_[at_] >= '0' && text_[at_] <= '9'; };
  auto digits = [&] {
    while (is_digit()) ++at_;
  };
  if (text_[at_] == '-') ++at_;
  if (!is_digit()) return Wrong("in numeric literal");
  if (text_[at_] == '0') {
    ++at_;
  } else {
    digits();
  }
  if (!AtEnd() && text_[at_] == '.') {
    ++at_;
    if (!is_digit()) return Wrong("after decimal point in numeric literal");
    digits();
  }
  if (!AtEnd() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (!AtEnd() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (!is_digit()) return Wrong("in exponent of numeric literal");
    digits();
  }
  std::string_view literal = text_.substr(begin, at_ - begin);
  double value = 0;
  auto [end, error] = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (error == std::errc::result_out_of_range) {
    // Too small is zero, too large an error.
    std::size_t exponent = literal.find_first_of("eE");
    bool tiny = exponent != literal.npos && literal.substr(exponent + 1).starts_with('-');
    value = 0;
    if (!tiny && !range_error_) {
      range_error_ =
          fmt::format("json: cannot unmarshal number {} into Go value of type float64", literal);
    }
  }
  return Value::Double(value);
}

Result<Value> Reader::ReadWord(std::string_view word, Value value) {
  ++at_;
  for (char expected : word.substr(1)) {
    if (AtEnd() || text_[at_] != expected) {
      return Wrong(fmt::format("in literal {} (expecting {})", word,
                               GoQuoteCharacter(static_cast<unsigned char>(expected))));
    }
    ++at_;
  }
  return value;
}

std::unexpected<Error> Reader::Wrong(std::string_view where) const {
  if (AtEnd()) return Fail(ErrorCode::kInvalid, "unexpected end of JSON input");
  return Fail(ErrorCode::kInvalid, "invalid character {} {}",
              GoQuoteCharacter(static_cast<unsigned char>(text_[at_])), where);
}

}  // namespace
}  // namespace kro::cel
