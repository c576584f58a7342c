#include "json/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "json/serialize.h"

namespace kro::json {
namespace {

// A parser by recursive descent; the recursion is as deep as the text and ends at kMaxDepth.
class Parser {
 public:
  Parser(std::string_view text, boost::json::storage_ptr storage)
      : begin_(text.data()),
        at_(begin_),
        end_(begin_ + text.size()),
        storage_(std::move(storage)) {}

  Result<Value> Run();

 private:
  // Each returns false after setting error_.
  bool ParseValue(Value& value, int depth);
  bool ParseObject(Value& value, int depth);
  bool ParseArray(Value& value, int depth);
  bool ParseNumber(Value& value);
  bool ParseWord(Value& value);
  // Leaves the decoded text in `text`, which points into the input or into scratch_.
  bool ParseString(std::string_view& text);
  bool ParseEscape();
  bool ParseHex4(std::uint32_t& code);
  // Steps over one multi-byte UTF-8 sequence.
  bool SkipUtf8();

  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  std::string Place(const char* at) const;
  bool Fault(const char* at, std::string_view message);
  bool Unexpected(std::string_view wanted);

  const char* begin_;
  const char* at_;
  const char* end_;
  boost::json::storage_ptr storage_;
  std::string scratch_;
  std::optional<std::string> error_;
};

// Writes without recursion, so that a value of any depth can be written.
class Writer {
 public:
  enum class Order { kOwn, kSorted };
  Writer(Order order, std::string& out) : order_(order), out_(out) {}

  // Appends the value to `out`.
  void Write(const Value& value);

 private:
  struct Frame {
    const Value* container;
    std::size_t next = 0;
    std::vector<const boost::json::key_value_pair*> sorted;
  };

  // Writes a scalar or the opening of a container, which it pushes.
  void Open(const Value& value);
  void Key(const boost::json::key_value_pair& member);
  void Text(std::string_view text);
  void Number(double number);

  Order order_;
  std::string& out_;
  std::vector<Frame> stack_;
};

// The first character of a string that is not written as it is: a quote, a backslash, a control character,
// or, where they stop too, one beyond ASCII. `end` if there is none.
enum class BeyondAscii { kStops, kPasses };
const char* FindSpecial(const char* at, const char* end, BeyondAscii beyond);
// Makes place for one more, for twice as many each time. By itself an object or array grows by half, from one.
template <typename Container>
void MakePlace(Container& container);
void AppendUtf8(std::string& out, std::uint32_t code);
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsTooSmall(std::string_view number);

}  // namespace

Result<Value> Parse(std::string_view text, boost::json::storage_ptr storage) {
  return Parser(text, std::move(storage)).Run();
}

std::string Serialize(const Value& value) {
  std::string text;
  SerializeTo(value, text);
  return text;
}

void SerializeTo(const Value& value, std::string& out) {
  Writer(Writer::Order::kOwn, out).Write(value);
}

std::string Canonical(const Value& value) {
  std::string text;
  Writer(Writer::Order::kSorted, text).Write(value);
  return text;
}

bool IsTooDeep(const Value& value) {
  std::vector<std::pair<const Value*, int>> open{{&value, 0}};
  while (!open.empty()) {
    const auto [container, depth] = open.back();
    open.pop_back();
    if (!container->is_structured()) continue;
    if (depth == kMaxDepth) return true;
    if (const Object* object = container->if_object()) {
      for (const auto& member : *object) {
        if (member.value().is_structured()) open.emplace_back(&member.value(), depth + 1);
      }
    } else {
      for (const Value& element : container->get_array()) {
        if (element.is_structured()) open.emplace_back(&element, depth + 1);
      }
    }
  }
  return false;
}

const Value* Find(const Value& value, std::string_view key) {
  const Object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains({key.data(), key.size()});
}

Value* Find(Value& value, std::string_view key) {
  Object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains({key.data(), key.size()});
}

const Value* Find(const Value& value, std::initializer_list<std::string_view> keys) {
  const Value* found = &value;
  for (std::string_view key : keys) {
    found = Find(*found, key);
    if (found == nullptr) return nullptr;
  }
  return found;
}

std::string_view FindString(const Value& value, std::initializer_list<std::string_view> keys) {
  const Value* found = Find(value, keys);
  if (found == nullptr || !found->is_string()) return {};
  const String& text = found->get_string();
  return {text.data(), text.size()};
}

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
      return "integer";
    case boost::json::kind::double_:
      return "number";
    case boost::json::kind::string:
      return "string";
    case boost::json::kind::array:
      return "array";
    case boost::json::kind::object:
      return "object";
  }
  return "null";
}

namespace {

Result<Value> Parser::Run() {
  Value value(storage_);
  if (std::string_view(begin_, end_).starts_with("\xef\xbb\xbf")) {
    Fault(at_, "a byte order mark is not allowed");
  } else {
    SkipSpace();
    if (ParseValue(value, 0)) {
      SkipSpace();
      if (at_ != end_) Unexpected("the end");
    }
  }
  if (error_) return Fail(ErrorCode::kInvalid, "{}", *error_);
  return value;
}

bool Parser::ParseValue(Value& value, int depth) {
  if (at_ == end_) return Unexpected("a value");
  switch (*at_) {
    case '{':
      return ParseObject(value, depth + 1);
    case '[':
      return ParseArray(value, depth + 1);
    case '"': {
      std::string_view text;
      if (!ParseString(text)) return false;
      value.emplace_string().assign(text.data(), text.size());
      return true;
    }
    default:
      return *at_ == '-' || IsDigit(*at_) ? ParseNumber(value) : ParseWord(value);
  }
}

bool Parser::ParseObject(Value& value, int depth) {
  if (depth > kMaxDepth) return Fault(at_, fmt::format("nested deeper than {}", kMaxDepth));
  ++at_;
  Object& object = value.emplace_object();
  SkipSpace();
  if (at_ != end_ && *at_ == '}') return ++at_, true;
  for (;;) {
    if (at_ == end_ || *at_ != '"') return Unexpected("a key in double quotes");
    const char* key_at = at_;
    std::string_view key;
    if (!ParseString(key)) return false;
    MakePlace(object);
    const auto [member, added] = object.emplace({key.data(), key.size()}, nullptr);
    if (!added) return Fault(key_at, fmt::format("duplicate key \"{}\"", key));
    SkipSpace();
    if (at_ == end_ || *at_ != ':') return Unexpected("':'");
    ++at_;
    SkipSpace();
    if (!ParseValue(member->value(), depth)) return false;
    SkipSpace();
    if (at_ == end_ || (*at_ != ',' && *at_ != '}')) return Unexpected("',' or '}'");
    if (*at_++ == '}') return true;
    SkipSpace();
  }
}

bool Parser::ParseArray(Value& value, int depth) {
  if (depth > kMaxDepth) return Fault(at_, fmt::format("nested deeper than {}", kMaxDepth));
  ++at_;
  Array& array = value.emplace_array();
  SkipSpace();
  if (at_ != end_ && *at_ == ']') return ++at_, true;
  for (;;) {
    MakePlace(array);
    if (!ParseValue(array.emplace_back(nullptr), depth)) return false;
    SkipSpace();
    if (at_ == end_ || (*at_ != ',' && *at_ != ']')) return Unexpected("',' or ']'");
    if (*at_++ == ']') return true;
    SkipSpace();
  }
}

// RFC 8259 section 6. Boost's own conversion may be off by one unit in the last place; from_chars
// is exact.
bool Parser::ParseNumber(Value& value) {
  const char* start = at_;
  bool integer = true;
  const auto digits = [this] {
    const char* first = at_;
    while (at_ != end_ && IsDigit(*at_)) ++at_;
    return at_ != first;
  };
  if (*at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
    if (at_ != end_ && IsDigit(*at_)) return Fault(start, "a number may not begin with 0");
  } else if (!digits()) {
    return Unexpected("a digit");
  }
  if (at_ != end_ && *at_ == '.') {
    integer = false;
    ++at_;
    if (!digits()) return Unexpected("a digit");
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    integer = false;
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return Unexpected("a digit");
  }
  if (integer) {
    std::int64_t small = 0;
    if (std::from_chars(start, at_, small).ec == std::errc()) return value = small, true;
    std::uint64_t large = 0;
    if (*start != '-' && std::from_chars(start, at_, large).ec == std::errc()) {
      return value = large, true;
    }
  }
  double number = 0;
  if (std::from_chars(start, at_, number).ec != std::errc() || !std::isfinite(number)) {
    const std::string_view text(start, at_);
    if (!IsTooSmall(text)) {
      return Fault(start, fmt::format("number {} is out of range", text.substr(0, 40)));
    }
    number = *start == '-' ? -0.0 : 0.0;
  }
  value = number;
  return true;
}

bool Parser::ParseWord(Value& value) {
  const std::string_view rest(at_, end_);
  if (rest.starts_with("true")) return at_ += 4, value = true, true;
  if (rest.starts_with("false")) return at_ += 5, value = false, true;
  if (rest.starts_with("null")) return at_ += 4, value = nullptr, true;
  return Unexpected("a value");
}

bool Parser::ParseString(std::string_view& text) {
  const char* open = at_++;
  const char* run = at_;
  bool copied = false;
  for (;;) {
    at_ = FindSpecial(at_, end_, BeyondAscii::kStops);
    if (at_ == end_) return Fault(open, "a string does not end");
    if (*at_ == '"') break;
    if (*at_ == '\\') {
      if (!copied) scratch_.clear();
      copied = true;
      scratch_.append(run, at_);
      if (!ParseEscape()) return false;
      run = at_;
    } else if (static_cast<unsigned char>(*at_) >= 0x80) {
      if (!SkipUtf8()) return false;
    } else {
      return Fault(at_, fmt::format("control character \\u{:04x} in a string must be escaped",
                                    static_cast<unsigned char>(*at_)));
    }
  }
  if (copied) {
    scratch_.append(run, at_);
    text = scratch_;
  } else {
    text = {run, at_};
  }
  ++at_;
  return true;
}

bool Parser::ParseEscape() {
  const char* start = at_++;
  if (at_ == end_) return Fault(start, "a string does not end");
  switch (*at_++) {
    case '"':
      scratch_ += '"';
      return true;
    case '\\':
      scratch_ += '\\';
      return true;
    case '/':
      scratch_ += '/';
      return true;
    case 'b':
      scratch_ += '\b';
      return true;
    case 'f':
      scratch_ += '\f';
      return true;
    case 'n':
      scratch_ += '\n';
      return true;
    case 'r':
      scratch_ += '\r';
      return true;
    case 't':
      scratch_ += '\t';
      return true;
    case 'u':
      break;
    default:
      return Fault(start, "unknown escape in a string");
  }
  std::uint32_t code = 0;
  if (!ParseHex4(code)) return Fault(start, "\\u must be followed by four hexadecimal digits");
  if (code >= 0xd800 && code < 0xe000) {
    std::uint32_t low = 0;
    const bool pair = code < 0xdc00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u' &&
                      (at_ += 2, ParseHex4(low)) && low >= 0xdc00 && low < 0xe000;
    if (!pair) return Fault(start, "a surrogate escape must be one half of a pair");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  AppendUtf8(scratch_, code);
  return true;
}

bool Parser::ParseHex4(std::uint32_t& code) {
  if (end_ - at_ < 4) return false;
  const auto [stop, ec] = std::from_chars(at_, at_ + 4, code, 16);
  if (ec != std::errc() || stop != at_ + 4) return false;
  at_ += 4;
  return true;
}

bool Parser::SkipUtf8() {
  const auto byte = [this](int i) { return static_cast<unsigned char>(at_[i]); };
  const int length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  bool valid = byte(0) >= 0xc2 && byte(0) <= 0xf4 && end_ - at_ >= length;
  for (int i = 1; valid && i < length; ++i) valid = (byte(i) & 0xc0) == 0x80;
  // No overlong forms, no surrogates, nothing beyond U+10FFFF.
  if (valid && byte(0) == 0xe0) valid = byte(1) >= 0xa0;
  if (valid && byte(0) == 0xed) valid = byte(1) < 0xa0;
  if (valid && byte(0) == 0xf0) valid = byte(1) >= 0x90;
  if (valid && byte(0) == 0xf4) valid = byte(1) < 0x90;
  if (!valid) return Fault(at_, "invalid UTF-8");
  at_ += length;
  return true;
}

std::string Parser::Place(const char* at) const {
  const char* line = begin_;
  int lines = 1;
  for (const char* p = begin_; p != at; ++p) {
    if (*p == '\n') {
      ++lines;
      line = p + 1;
    }
  }
  const auto column = 1 + std::count_if(line, at, [](char c) { return (c & 0xc0) != 0x80; });
  return fmt::format("line {}, column {}", lines, column);
}

bool Parser::Fault(const char* at, std::string_view message) {
  error_ = fmt::format("{}: {}", Place(at), message);
  return false;
}

bool Parser::Unexpected(std::string_view wanted) {
  if (at_ == end_) return Fault(at_, fmt::format("expected {}, found the end", wanted));
  const auto c = static_cast<unsigned char>(*at_);
  if (c > 0x20 && c < 0x7f) {
    return Fault(at_, fmt::format("expected {}, found '{}'", wanted, *at_));
  }
  return Fault(at_, fmt::format("expected {}, found byte 0x{:02x}", wanted, c));
}

void Writer::Write(const Value& value) {
  Open(value);
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    if (const Array* array = frame.container->if_array()) {
      if (frame.next == array->size()) {
        out_ += ']';
        stack_.pop_back();
        continue;
      }
      if (frame.next > 0) out_ += ',';
      Open((*array)[frame.next++]);
      continue;
    }
    const Object& object = frame.container->get_object();
    if (frame.next == object.size()) {
      out_ += '}';
      stack_.pop_back();
      continue;
    }
    const auto* member =
        order_ == Order::kSorted ? frame.sorted[frame.next] : object.begin() + frame.next;
    if (frame.next++ > 0) out_ += ',';
    Key(*member);
    Open(member->value());
  }
}

void Writer::Open(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      out_ += "null";
      return;
    case boost::json::kind::bool_:
      out_ += value.get_bool() ? "true" : "false";
      return;
    case boost::json::kind::int64:
      fmt::format_to(std::back_inserter(out_), "{}", value.get_int64());
      return;
    case boost::json::kind::uint64:
      fmt::format_to(std::back_inserter(out_), "{}", value.get_uint64());
      return;
    case boost::json::kind::double_:
      Number(value.get_double());
      return;
    case boost::json::kind::string:
      Text({value.get_string().data(), value.get_string().size()});
      return;
    case boost::json::kind::array:
      out_ += '[';
      stack_.push_back({&value});
      return;
    case boost::json::kind::object: {
      out_ += '{';
      Frame frame{&value};
      if (order_ == Order::kSorted) {
        for (const auto& member : value.get_object()) frame.sorted.push_back(&member);
        std::sort(frame.sorted.begin(), frame.sorted.end(),
                  [](const auto* a, const auto* b) { return a->key() < b->key(); });
      }
      stack_.push_back(std::move(frame));
      return;
    }
  }
}

void Writer::Key(const boost::json::key_value_pair& member) {
  Text({member.key().data(), member.key().size()});
  out_ += ':';
}

void Writer::Text(std::string_view text) {
  out_ += '"';
  const char* run = text.data();
  const char* const end = run + text.size();
  for (;;) {
    const char* special = FindSpecial(run, end, BeyondAscii::kPasses);
    out_.append(run, special);
    if (special == end) break;
    run = special + 1;
    switch (*special) {
      case '"':
        out_ += "\\\"";
        break;
      case '\\':
        out_ += "\\\\";
        break;
      case '\b':
        out_ += "\\b";
        break;
      case '\f':
        out_ += "\\f";
        break;
      case '\n':
        out_ += "\\n";
        break;
      case '\r':
        out_ += "\\r";
        break;
      case '\t':
        out_ += "\\t";
        break;
      default:
        fmt::format_to(std::back_inserter(out_), "\\u{:04x}", *special);
    }
  }
  out_ += '"';
}

// As Go's encoding/json: the shortest digits that read back equal, with an exponent below 1e-6 and
// from 1e21 on, and no zero before a one-digit exponent.
void Writer::Number(double number) {
  if (!std::isfinite(number)) {
    out_ += "null";
    return;
  }
  // -0 and 0 are equal, so they have one canonical form.
  if (number == 0 && order_ == Order::kSorted) number = 0;
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  std::string_view text(buffer, end);
  if (text.front() == '-') {
    out_ += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(1, text.front());
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);

  if (number != 0 && (exponent < -6 || exponent >= 21)) {
    out_ += digits[0];
    if (digits.size() > 1) out_.append(1, '.').append(digits, 1);
    fmt::format_to(std::back_inserter(out_), "e{:+}", exponent);
    return;
  }
  if (exponent < 0) {
    out_.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    out_.append(digits).append(whole - digits.size(), '0');
  } else {
    out_.append(digits, 0, whole).append(1, '.').append(digits, whole);
  }
}

const char* FindSpecial(const char* at, const char* end, BeyondAscii beyond) {
  // Eight at a time. Each term has the high bit of a byte set that is special; above the first of them a borrow
  // may set others.
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  const std::uint64_t stops = beyond == BeyondAscii::kStops ? kHigh : 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      const std::uint64_t quote = word ^ (kOnes * '"');
      const std::uint64_t backslash = word ^ (kOnes * '\\');
      const std::uint64_t special = (((word - kOnes * 0x20) & ~word) | ((quote - kOnes) & ~quote) |
                                     ((backslash - kOnes) & ~backslash)) &
                                    kHigh;
      if (const std::uint64_t found = special | (word & stops); found != 0) {
        return at + std::countr_zero(found) / 8;
      }
    }
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20 &&
         (stops == 0 || static_cast<unsigned char>(*at) < 0x80)) {
    ++at;
  }
  return at;
}

template <typename Container>
void MakePlace(Container& container) {
  constexpr std::size_t kFirst = 4;
  if (container.size() < container.capacity()) return;
  container.reserve(std::max(kFirst, 2 * container.size()));
}

void AppendUtf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

// Whether a number that no double can hold is too small rather than too large: where its first
// digit that is not 0 stands, counted from the decimal point and moved by the exponent.
bool IsTooSmall(std::string_view number) {
  const std::size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, e);
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const auto place = static_cast<double>(point) - static_cast<double>(first);
  double exponent = 0;
  for (char c : number.substr(e)) {
    if (IsDigit(c)) exponent = exponent * 10 + (c - '0');
  }
  if (number.find("e-") != std::string_view::npos || number.find("E-") != std::string_view::npos) {
    exponent = -exponent;
  }
  return place + exponent < 0;
}

}  // namespace
}  // namespace kro::json
